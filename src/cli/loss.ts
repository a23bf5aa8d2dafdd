/**
 * `siglip loss`: one loss with its gradients at any size, in any form, on any number of devices.
 *
 * Inputs are a function of the seed: row i of u (images) and of v (texts) holds standard normal numbers from
 * `new Rng(seed).split("u").split(i)` and `.split("v").split(i)`, in f32; t′ = log 10 and b = −10. The embeddings are u and v
 * divided by the lengths of their rows. So every form can be compared with every other, and with yours.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { readSafetensors, type SafetensorsTensor, toFloat32, writeSafetensors } from "../formats/index.ts";
import { launch, threadFile } from "../parallel/launch.ts";
import { chooseKernels, type KernelMode } from "../tensor/index.ts";
import { ConfigError } from "./config.ts";
import { deadlineOf, devicesThatShare } from "./devices.ts";
import { drawBlocks } from "./drawBlocks.ts";
import type { LossCheck } from "./lossCheck.ts";
import { FORMS, type Form, type LossInputs, type LossJob, type LossShare } from "./lossJob.ts";
import { print } from "./print.ts";

export interface LossOptions {
  readonly batch: string;
  readonly dim: string;
  readonly devices?: string;
  readonly deadline?: string;
  readonly form: string;
  readonly ring: string;
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

/** in.u, in.v [B, d], in.t, in.b of a safetensors file, in memory that all devices can read. */
function readInputs(file: string): LossInputs {
  const { tensors } = readSafetensors(readFileSync(file), file);
  const take = (name: string): SafetensorsTensor => {
    const found = tensors.get(name);
    if (found) return found;
    throw wrong("--inputs", `--inputs ${file} has no ${name}; it needs in.u, in.v [B, d], in.t and in.b`);
  };
  const [u, v, t, b] = [take("in.u"), take("in.v"), take("in.t"), take("in.b")];
  const [batch, dim] = u.shape;
  if (u.shape.length !== 2 || v.shape.join() !== u.shape.join()) {
    throw wrong("--inputs", `--inputs ${file}: in.u is [${u.shape}] and in.v [${v.shape}]; both must be [B, d]`);
  }
  const scalar = (tensor: SafetensorsTensor): number => numbers(tensor)[0];
  return { u: shared(numbers(u)), v: shared(numbers(v)), tPrime: scalar(t), b: scalar(b), batch, dim };
}

/** F64 stays; everything else that is a number becomes f32. */
const numbers = (tensor: SafetensorsTensor): Float32Array | Float64Array =>
  tensor.data instanceof Float64Array ? tensor.data : toFloat32(tensor);

function shared(values: Float32Array | Float64Array): Float32Array | Float64Array {
  const buffer = new SharedArrayBuffer(values.byteLength);
  const out = values instanceof Float64Array ? new Float64Array(buffer) : new Float32Array(buffer);
  out.set(values);
  return out;
}

function jobOf(options: LossOptions): { job: LossJob; devices: number } {
  const inputs = options.inputs === undefined ? undefined : readInputs(options.inputs);
  const batch = inputs?.batch ?? whole("batch", options.batch, 1, 2 ** 24);
  const form: Form = oneOf("form", options.form, FORMS);
  const asked = options.devices === undefined && form === "dense" ? "1" : options.devices;
  const devices = devicesThatShare(asked, batch, `a batch of ${batch}`);
  if (form === "dense" && devices > 1) {
    throw wrong("--form", "--form dense holds all pairs on one device; add --devices 1, or take another form");
  }
  const checkRows = options.check === undefined ? 0 : whole("check", options.check, 2, batch);
  if (checkRows > 0 && form === "softmax") {
    throw wrong(
      "--check",
      "--check computes the sigmoid loss again, not the softmax loss; drop it, or take another form",
    );
  }
  const job: LossJob = {
    batch,
    dim: inputs?.dim ?? whole("dim", options.dim, 1, 65_536),
    form,
    ring: oneOf("ring", options.ring, ["one", "both"]),
    seed: whole("seed", options.seed, 0, Number.MAX_SAFE_INTEGER),
    dtype: inputs?.u instanceof Float64Array ? "f64" : "f32",
    ...(inputs ? { inputs } : {}),
    wantsGradients: options.gradients !== undefined,
    checkRows,
  };
  return { job, devices };
}

export async function loss(options: LossOptions): Promise<void> {
  const deadline = deadlineOf(options.deadline);
  const { job, devices } = jobOf(options);
  chooseKernels(options.kernels);
  const shares = await launch<LossJob, LossShare>(threadFile("./lossDevice", import.meta.url), devices, job, {
    deadline,
  }).results;
  if (options.gradients !== undefined) writeGradients(options.gradients, job, shares);

  const [first] = shares;
  const seconds = Math.max(...shares.map((share) => share.seconds));
  const norm = (of: "zimgSquares" | "ztxtSquares"): number =>
    Math.sqrt(shares.reduce((sum, share) => sum + share[of], 0));
  const pairs = job.batch ** 2;
  const result = {
    loss: first.loss,
    seconds,
    nsPerPair: (seconds / pairs) * 1e9,
    gflops: (6 * pairs * job.dim) / seconds / 1e9,
    peakBytes: shares.reduce((sum, share) => sum + share.peakBytes, 0),
    peakRss: process.resourceUsage().maxRSS * 1024, // of the whole process
    bytesExchanged: shares.reduce((sum, share) => sum + share.bytesExchanged, 0),
    gradient: {
      tPrime: first.dtPrime,
      b: first.db,
      zimgNorm: norm("zimgSquares"),
      ztxtNorm: norm("ztxtSquares"),
    },
    ...(first.check ? { check: first.check } : {}),
  };
  const drawing = options.draw ? drawBlocks(shares.map((share) => share.blocks)) : "";
  if (options.json) {
    if (drawing) process.stderr.write(`${drawing}\n`);
    print(JSON.stringify(result));
    return;
  }
  if (drawing) print(`${drawing}\n`);
  const { gradient } = result;
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  print(
    `${job.form} loss of ${job.batch} pairs of width ${job.dim} on ${devices} ${devices === 1 ? "device" : "devices"}`,
  );
  print(`loss        ${result.loss}`);
  print(
    `gradients   t′ ${gradient.tPrime}   b ${gradient.b}   ‖zimg‖ ${gradient.zimgNorm}   ‖ztxt‖ ${gradient.ztxtNorm}`,
  );
  print(
    `time        ${seconds.toFixed(4)} s, ${result.nsPerPair.toFixed(2)} ns a pair, ${(pairs / seconds / 1e6).toFixed(1)} million pairs a second`,
  );
  print(`work        ${result.gflops.toFixed(1)} GFLOP/s at 6·d operations a pair`);
  print(
    `memory      ${mib(result.peakBytes)} at most on all devices, ${mib(result.peakRss)} the whole process, ${mib(result.bytesExchanged)} exchanged`,
  );
  if (first.check) printCheck(first.check);
}

function printCheck({ rows, zimgError, ztxtError, ...estimates }: LossCheck): void {
  print(`check       ${rows} rows of images and ${rows} of texts in f64: relative error of the gradients at most`);
  print(`            zimg ${zimgError.toExponential(1)}   ztxt ${ztxtError.toExponential(1)}`);
  for (const name of ["loss", "tPrime", "b"] as const) {
    const { estimate, standardError, deviation } = estimates[name];
    const label = `            ${name === "loss" ? "loss" : `gradient of ${name === "b" ? "b" : "t′"}`}`;
    if (deviation === null) print(`${label} exactly ${estimate}`);
    else
      print(
        `${label} about ${estimate} ± ${standardError.toExponential(1)}, ${deviation.toFixed(2)} standard errors off`,
      );
  }
}

/** out.loss, grad.u, grad.v [B, d], grad.t, grad.b; the rows in the type of the inputs, the scalars in f64. */
function writeGradients(file: string, { batch, dim, dtype }: LossJob, shares: readonly LossShare[]): void {
  const rows = (side: "du" | "dv"): SafetensorsTensor => {
    const data = dtype === "f64" ? new Float64Array(batch * dim) : new Float32Array(batch * dim);
    let at = 0;
    for (const share of shares) {
      const part = share[side] as Float32Array | Float64Array;
      data.set(part, at);
      at += part.length;
    }
    return { dtype: dtype === "f64" ? "F64" : "F32", shape: [batch, dim], data };
  };
  const scalar = (value: number): SafetensorsTensor => ({ dtype: "F64", shape: [], data: Float64Array.of(value) });
  const [{ loss, dtPrime, db }] = shares;
  const tensors = new Map([
    ["grad.b", scalar(db)],
    ["grad.t", scalar(dtPrime)],
    ["grad.u", rows("du")],
    ["grad.v", rows("dv")],
    ["out.loss", scalar(loss)],
  ]);
  writeFileSync(file, writeSafetensors(tensors));
}
