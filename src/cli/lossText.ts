/** The result of `siglip loss` as text; `--json` prints all digits. */
import { type LossResult, showTime } from "../run/index.ts";
import { type LossCheck, lossForms } from "../siglip/index.ts";

/** With fewer pairs the start-up dominates, and the speed means nothing. */
const MANY = 2 ** 20;

const digits = (x: number): string => String(Number(x.toPrecision(8)));
const count = (n: number, one: string): string => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;
const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

function duration(seconds: number): string {
  if (seconds < 1e-3) return `${(seconds * 1e6).toPrecision(3)} µs`;
  if (seconds < 1) return `${(seconds * 1e3).toPrecision(3)} ms`;
  return seconds < 60 ? `${seconds.toPrecision(4)} s` : showTime(seconds);
}

/** Time, memory, loss and gradients, a line each. */
export function lossText(result: LossResult): string {
  const { form, batch, dim, devices, tPrime, t, b, gradient, seconds, zeroRows, check } = result;
  const pairs = batch ** 2;
  const written = gradient.uNorm === undefined ? [] : [lengths("u", gradient.uNorm, "v", gradient.vNorm as number)];
  const fast = `, ${result.nsPerPair.toFixed(2)} ns a pair, ${(pairs / seconds / 1e6).toFixed(1)} million pairs a second`;
  return [
    `${form} loss of ${count(batch, "pair")} of width ${dim} on ${count(devices, "device")}, in ${result.dtype}`,
    `at          t ${digits(t)} (t′ ${digits(tPrime)})   ${lossForms[form].usesBias ? `b ${digits(b)}` : "no b"}`,
    `loss        ${digits(result.loss)}`,
    `gradients   of t′ ${digits(gradient.tPrime)}   of b ${digits(gradient.b)}`,
    `lengths     of the gradients, over all rows`,
    lengths("zimg", gradient.zimgNorm, "ztxt", gradient.ztxtNorm),
    ...written,
    ...(zeroRows.u + zeroRows.v > 0 ? [`zero rows   ${zeroRows.u} of u, ${zeroRows.v} of v`] : []),
    `time        ${duration(seconds)}${pairs >= MANY ? fast : ""}`,
    ...(pairs >= MANY
      ? [`work        ${result.gflops.toFixed(1)} GFLOP/s at ${lossForms[form].operations}·d operations a pair`]
      : []),
    `memory      ${mib(result.peakBytes)} peak on all devices, ${mib(result.peakRss)} the whole process, ${mib(result.bytesExchanged)} exchanged`,
    ...(check ? [checkText(check)] : []),
  ].join("\n");
}

/** Names which gradient this is: of the normalized embeddings, or of the rows before normalization. */
function lengths(images: "zimg" | "u", image: number, texts: "ztxt" | "v", text: number): string {
  const what = images === "u" ? "rows before normalization, as written" : "normalized embeddings";
  return `            ${images} ${digits(image)}   ${texts} ${digits(text)}   (${what})`;
}

/** Rows from which on an estimate is within two or three of its standard errors; those of 5 rows are often too small. */
const SOUND = 20;

function checkText({ rows, zimgError, ztxtError, ...estimates }: LossCheck): string {
  const lines = [
    `check       ${rows} rows of images and ${rows} of texts in f64: relative error of the gradients at most`,
    `            zimg ${zimgError.toExponential(1)}   ztxt ${ztxtError.toExponential(1)}`,
    ...(rows < SOUND ? [`            so few rows make the standard errors below rough; check ${SOUND} or more`] : []),
  ];
  for (const name of ["loss", "tPrime", "b"] as const) {
    const { estimate, standardError, deviation } = estimates[name];
    const label = `            ${name === "loss" ? "loss" : `gradient of ${name === "b" ? "b" : "t′"}`}`;
    if (deviation === null) lines.push(`${label} exactly ${digits(estimate)}`);
    else {
      const off = `${deviation.toFixed(2)} standard errors off`;
      lines.push(`${label} about ${digits(estimate)} ± ${standardError.toExponential(1)}, ${off}`);
    }
  }
  return lines.join("\n");
}
