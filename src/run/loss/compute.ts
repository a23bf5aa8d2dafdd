/** Computes one loss with its gradients, at any size, in any form, on any number of devices. */
import { NonFiniteError } from "../../nn/index.ts";
import { DeviceError } from "../../parallel/index.ts";
import { launch, threadFile } from "../../parallel/launch.ts";
import { lossForms } from "../../siglip/index.ts";
import { OutOfMemoryError, portable } from "../../tensor/index.ts";
import { ConfigError } from "../configError.ts";
import type { LossJob, LossResult, LossShare } from "./job.ts";

/**
 * Computes a loss with its gradients on a number of devices that divides the batch; returns the result and each device's share.
 * Throws `NonFiniteError` if the loss or a gradient is NaN or infinite, and `ConfigError` if a device runs out of memory.
 */
export async function computeLoss(
  job: LossJob,
  devices: number,
  deadline: number,
): Promise<{ readonly result: LossResult; readonly shares: readonly LossShare[] }> {
  const program = threadFile("./device", import.meta.url);
  let shares: readonly LossShare[];
  try {
    shares = await launch<LossJob, LossShare>(program, devices, job, { deadline }).results;
  } catch (error) {
    throw withRemedy(error, job);
  }
  const result = resultOf(job, devices, shares);
  requireFinite(result);
  return { result, shares };
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
  const detail = `${batch} pairs of width ${dim} do not fit in the memory of a device: ${remedy}`;
  return new ConfigError([{ code: "CONFIG_RANGE", key: "--form", detail }]);
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
    gflops: (lossForms[form].operations * pairs * dim) / seconds / 1e9,
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

const shown = (x: number): number => Number(x.toPrecision(5));

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
