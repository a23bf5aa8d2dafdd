/**
 * `siglip loss`: one loss with its gradients at any size, in any form, on any number of devices.
 *
 * Inputs are a function of the seed: row i of u (images) and of v (texts) holds standard normal numbers from
 * `new Rng(seed).split("u").split(i)` and `.split("v").split(i)`, in f32; t′ = log 10 and b = −10. The embeddings are u and v
 * divided by the lengths of their rows. So all forms can be compared with each other, and with your implementation.
 */
import { printable } from "../formats/index.ts";
import { NonFiniteError } from "../nn/index.ts";
import { DeviceError } from "../parallel/index.ts";
import { launch, threadFile } from "../parallel/launch.ts";
import { ConfigError } from "../run/index.ts";
import { lossForms } from "../siglip/index.ts";
import { chooseKernels, type KernelMode, OutOfMemoryError, portable } from "../tensor/index.ts";
import { deadlineOf, devicesThatShare } from "./devices.ts";
import { drawBlocks } from "./drawBlocks.ts";
import { checkGradients, readInputs, writeGradients } from "./lossFiles.ts";
import { FORMS, type Form, type LossInputs, type LossJob, type LossShare, OPERATIONS } from "./lossJob.ts";
import { type LossResult, lossText } from "./lossText.ts";
import { print, warn } from "./print.ts";
import { startWaiting } from "./waiting.ts";

export interface LossOptions {
  readonly batch?: string;
  readonly dim?: string;
  readonly t?: string;
  readonly b?: string;
  readonly devices?: string;
  readonly deadline?: string;
  readonly form: string;
  readonly kernels: KernelMode;
  readonly seed: string;
  readonly inputs?: string;
  readonly gradients?: string;
  readonly check?: string;
  readonly draw?: boolean;
  readonly json?: boolean;
}

const wrong = (key: string, detail: string): ConfigError => new ConfigError([{ code: "CONFIG_RANGE", key, detail }]);

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw wrong(`--${name}`, `--${name} ${text} is not an integer from ${least} to ${most}`);
}

function oneOf<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const found = choices.find((choice) => choice === text);
  if (found === undefined) throw wrong(`--${name}`, `--${name} ${text} is none of ${choices.join(", ")}`);
  return found;
}

/** The paper's initial values. */
const T = 10;
const B = -10;

function jobOf(options: LossOptions, inputs: LossInputs | undefined): { job: LossJob; devices: number } {
  const batch = sizeOf("batch", options.batch, inputs?.batch, 2 ** 24, 4096);
  const dim = sizeOf("dim", options.dim, inputs?.dim, 65_536, 64);
  const form: Form = oneOf("form", options.form, FORMS);
  const asked = options.devices === undefined && form === "dense" ? "1" : options.devices;
  const devices = devicesThatShare(asked, batch, `a batch of ${batch}`);
  if (form === "dense" && devices > 1) {
    throw wrong("--form", "--form dense holds all pairs on one device; add --devices 1, or use another form");
  }
  const job: LossJob = {
    batch,
    dim,
    form,
    seed: whole("seed", options.seed, 0, Number.MAX_SAFE_INTEGER),
    tPrime: inputs?.tPrime ?? portable.log(real("t", options.t, inputs !== undefined, T)),
    b: inputs?.b ?? real("b", options.b, inputs !== undefined, B),
    dtype: inputs?.u instanceof Float64Array ? "f64" : "f32",
    ...(inputs ? { inputs } : {}),
    wantsGradients: options.gradients !== undefined,
    checkRows: options.check === undefined ? 0 : rowsToCheck(options.check, form, batch),
  };
  return { job, devices };
}

/** --batch or --dim, or the size of the inputs; an option that contradicts the inputs is rejected. */
function sizeOf(
  name: string,
  option: string | undefined,
  given: number | undefined,
  most: number,
  usual: number,
): number {
  const asked = option === undefined ? undefined : whole(name, option, 1, most);
  if (asked !== undefined && given !== undefined && asked !== given) {
    throw wrong(`--${name}`, `--${name} ${asked}, but --inputs has ${given}; leave --${name} out`);
  }
  return given ?? asked ?? usual;
}

/** --t or --b; rejected with inputs, which contain their own. */
function real(name: "t" | "b", option: string | undefined, hasInputs: boolean, usual: number): number {
  if (option === undefined) return usual;
  if (hasInputs) throw wrong(`--${name}`, `--${name} ${option}, but --inputs holds in.${name}; leave --${name} out`);
  const value = option.trim() === "" ? Number.NaN : Number(option);
  if (!Number.isFinite(value)) throw wrong(`--${name}`, `--${name} ${option} is not a number`);
  if (name === "t" && value <= 0) throw wrong("--t", `--t ${option} is not above 0: t = exp(t′)`);
  return value;
}

function rowsToCheck(option: string, form: Form, batch: number): number {
  if (!lossForms[form].usesBias) {
    throw wrong(
      "--check",
      "--check computes the sigmoid loss again, not the softmax loss; drop it, or use another form",
    );
  }
  if (batch === 1) throw wrong("--check", "--check needs at least 2 rows, and there is 1 pair; drop it");
  return whole("check", option, 2, batch);
}

/** log 1000, beyond any trained model: t of big_vision's ends near 100, and CLIP limits it to 100. */
const LARGE_T_PRIME = Math.log(1000);

export async function loss(options: LossOptions): Promise<void> {
  const deadline = deadlineOf(options.deadline);
  const inputs = options.inputs === undefined ? undefined : readInputs(options.inputs);
  const { job, devices } = jobOf(options, inputs);
  const output = options.gradients === undefined ? undefined : checkGradients(options.gradients, options.inputs);
  if (job.tPrime >= LARGE_T_PRIME) {
    const means = `${shown(job.tPrime)} means t = ${shown(portable.exp(job.tPrime))}`;
    warn(`in.t holds t′ = log t: ${means}; for t = ${shown(job.tPrime)} store ${shown(portable.log(job.tPrime))}`);
  }
  chooseKernels(options.kernels);
  const shares = await computing(job, devices, deadline);
  const result = resultOf(job, devices, shares);
  requireFinite(result);
  const { u, v } = result.zeroRows;
  if (u + v > 0) warn(`rows of zeros: ${u} in u, ${v} in v; they have no direction, and their gradient is 0`);
  if (output !== undefined) writeGradients(output, job, shares);

  const drawing = options.draw
    ? `${drawBlocks(
        job.form,
        shares.map((share) => share.blocks),
      )}\n`
    : "";
  if (options.json) {
    if (drawing) process.stderr.write(drawing);
    print(JSON.stringify(result));
  } else {
    if (drawing) print(drawing);
    print(lossText(result));
    if (output !== undefined) print(`written     out.loss, grad.u, grad.v, grad.t and grad.b to ${printable(output)}`);
  }
}

const shown = (x: number): string =>
  x > 1e9 ? x.toExponential(3) : x.toLocaleString("en", { maximumSignificantDigits: 5 });

/** Runs the loss on all devices, with progress. */
async function computing(job: LossJob, devices: number, deadline: number): Promise<LossShare[]> {
  const pairs = (job.batch ** 2).toLocaleString("en");
  const done = startWaiting(`computing ${pairs} pairs on ${devices} ${devices === 1 ? "device" : "devices"}`);
  try {
    return await launch<LossJob, LossShare>(threadFile("./lossDevice", import.meta.url), devices, job, {
      deadline,
    }).results;
  } catch (error) {
    throw withRemedy(error, job);
  } finally {
    done();
  }
}

/** The error, or one with a remedy if the heap of a device was full. */
function withRemedy(error: unknown, { form, batch, dim }: LossJob): unknown {
  const cause = error instanceof DeviceError ? (error.cause as Error) : undefined;
  if (cause?.name !== OutOfMemoryError.name) return error;
  const small = lossForms[form].usesBias ? "fused" : "softmax";
  const remedy =
    form === small
      ? "use more --devices, or a smaller --batch or --dim"
      : `--form ${form} stores numbers for every pair or every text; use --form ${small}, which stores neither`;
  return wrong("--form", `${batch} pairs of width ${dim} do not fit in the memory of a device: ${remedy}`);
}

function resultOf(job: LossJob, devices: number, shares: readonly LossShare[]): LossResult {
  const [first] = shares;
  const { batch, dim, form, dtype, tPrime, b } = job;
  const seconds = Math.max(...shares.map((share) => share.seconds));
  const sum = (of: (share: LossShare) => number): number => shares.reduce((total, share) => total + of(share), 0);
  const norm = (of: (share: LossShare) => number): number => Math.sqrt(sum(of));
  const pairs = batch ** 2;
  const given = job.wantsGradients
    ? { uNorm: norm((share) => squares(share.du)), vNorm: norm((share) => squares(share.dv)) }
    : {};
  return {
    form,
    batch,
    dim,
    devices,
    dtype,
    tPrime,
    t: portable.exp(tPrime),
    b,
    loss: first.loss,
    seconds,
    nsPerPair: (seconds / pairs) * 1e9,
    gflops: (OPERATIONS[form] * pairs * dim) / seconds / 1e9,
    peakBytes: sum((share) => share.peakBytes),
    peakRss: process.resourceUsage().maxRSS * 1024, // of the whole process
    bytesExchanged: sum((share) => share.bytesExchanged),
    gradient: {
      tPrime: first.dtPrime,
      b: first.db,
      zimgNorm: norm((share) => share.zimgSquares),
      ztxtNorm: norm((share) => share.ztxtSquares),
      ...given,
    },
    zeroRows: { u: sum((share) => share.zeroRows[0]), v: sum((share) => share.zeroRows[1]) },
    ...(first.check ? { check: first.check } : {}),
  };
}

function squares(values: Float32Array | Float64Array = new Float32Array()): number {
  let sum = 0;
  for (const x of values) sum += x * x;
  return sum;
}

const LARGEST_F32 = 3.4028234663852886e38;

/** Throws if a result is NaN or infinite. Inputs are finite, so t, b or the rows are too large. */
function requireFinite({ loss, gradient, t, tPrime, b, dtype }: LossResult): void {
  const named = {
    "the loss": loss,
    ...Object.fromEntries(Object.entries(gradient).map(([of, x]) => [`the gradient of ${of.replace("Norm", "")}`, x])),
  };
  const bad = Object.entries(named).find(([, value]) => !Number.isFinite(value));
  if (!bad) return;
  const most = dtype === "f32" && t > LARGEST_F32 ? `t exceeds the range of f32, 3.4e38: ` : "";
  const remedy = "in.t must be t′ = log t; reduce it, in.b or the rows";
  throw new NonFiniteError(
    `loss: ${bad[0]} is ${bad[1]} at t = ${shown(t)} (t′ = ${shown(tPrime)}), b = ${shown(b)}; ${most}${remedy}`,
  );
}
