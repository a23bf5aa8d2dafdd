/**
 * Checks a sigmoid loss that is too large to compute twice: recomputes a sample of gradient rows in f64 by plain loops, and
 * estimates the loss and the gradients of t′ and b from the sampled rows.
 *
 *     ℓᵢⱼ = t·Sᵢⱼ + b,   Sᵢⱼ = ⟨xᵢ, yⱼ⟩          row i of ∂x: (t/B)·(Σⱼ σ(ℓᵢⱼ)·yⱼ − yᵢ)
 *
 *     B·L     = Σᵢⱼ softplus(ℓᵢⱼ) − Σᵢ ℓᵢᵢ       since softplus(−ℓ) = softplus(ℓ) − ℓ
 *     B·∂b    = Σᵢⱼ σ(ℓᵢⱼ) − B
 *     B·∂t′/t = Σᵢⱼ σ(ℓᵢⱼ)·Sᵢⱼ − Σᵢ Sᵢᵢ
 *
 * The sums over i alone are exact. Those over all pairs are estimated from the sampled rows of images (against all texts) and,
 * independently, from the sampled rows of texts (against all images); the estimate is the mean of both. Positives, which carry
 * most of the loss and of its variance when training starts, are in the exact part.
 *
 * Each device compares the sampled rows with its own rows of the other side; the results are summed over devices.
 * Sampling without replacement: Cochran 1977, "Sampling Techniques", §2.6.   x, y [B, d]
 */
import { NonFiniteError } from "../nn/index.ts";
import type { Communicator } from "../parallel/index.ts";
import { heap, portable, type Rng, type Tensor, tensor } from "../tensor/index.ts";
import type { LossGradients } from "./fusedLoss.ts";

/** An estimate, in f64, of a number that was computed from all pairs. */
export interface Estimate {
  readonly estimate: number;
  /** 0 if all rows are sampled: the estimate is then exact. */
  readonly standardError: number;
  /** (computed − estimate) / standardError; null if standardError is 0. */
  readonly deviation: number | null;
}

/** The result of `checkLoss`. */
export interface LossCheck {
  /** Image rows that were checked; the same number of text rows was checked. */
  readonly rows: number;
  /** The largest relative error of a gradient row, max |Δ| / max |exact row|. */
  readonly zimgError: number;
  readonly ztxtError: number;
  readonly loss: Estimate;
  readonly tPrime: Estimate;
  readonly b: Estimate;
}

/** Sums over all pairs of the loss, of σ(ℓ) and of σ(ℓ)·S. */
const SUMS = ["loss", "b", "tPrime"] as const;

/** A computed loss and its inputs; embeddings and gradients are this device's rows. */
export interface LossToCheck {
  readonly zimg: Tensor;
  readonly ztxt: Tensor;
  readonly tPrime: number;
  readonly b: number;
  readonly result: LossGradients;
}

/** Checks a sigmoid loss by a sample of its rows, 2 ≤ rows ≤ B; the same on every rank. Throws `NonFiniteError`. */
export function checkLoss(loss: LossToCheck, rows: number, rng: Rng, comm: Communicator): LossCheck {
  const { zimg, ztxt, tPrime, b, result } = loss;
  const batch = zimg.shape[0] * comm.size;
  const t = portable.exp(tPrime);
  for (const value of [result.loss, result.dtPrime, result.db]) refuse(value, "the loss or the gradient of t′ or b");
  const pick = (side: string): Uint32Array => rng.split(side).permutation(batch).slice(0, rows).sort();
  const images = sampled(pick("images"), { name: "image", z: zimg, dz: result.dzimg, others: ztxt }, t, b, comm);
  const texts = sampled(pick("texts"), { name: "text", z: ztxt, dz: result.dztxt, others: zimg }, t, b, comm);

  // The exact parts need only Σᵢ Sᵢᵢ: Σᵢ ℓᵢᵢ = t·Σᵢ Sᵢᵢ + B·b.
  const matches = sumOverDevices(Float64Array.of(innerProducts(zimg, ztxt)), comm)[0];
  const exact = { loss: t * matches + batch * b, b: batch, tPrime: matches };
  const computed = { loss: result.loss, b: result.db, tPrime: result.dtPrime };
  const factor = { loss: 1 / batch, b: 1 / batch, tPrime: t / batch };
  const estimate = (name: (typeof SUMS)[number]): Estimate => {
    const which = SUMS.indexOf(name);
    const sides = [images, texts].map(({ sums }) => total(sums.subarray(which * rows, (which + 1) * rows), batch));
    const value = ((sides[0].value + sides[1].value) / 2 - exact[name]) * factor[name];
    const standardError = (Math.sqrt(sides[0].variance + sides[1].variance) / 2) * factor[name];
    const deviation = standardError === 0 ? null : (computed[name] - value) / standardError;
    return { estimate: value, standardError, deviation };
  };
  return {
    rows,
    zimgError: images.error,
    ztxtError: texts.error,
    loss: estimate("loss"),
    tPrime: estimate("tPrime"),
    b: estimate("b"),
  };
}

function refuse(value: number, what: string): void {
  if (!Number.isFinite(value)) throw new NonFiniteError(`checkLoss: ${what} is ${value}; is every input finite?`);
}

/** Estimates Σ over all `batch` rows from a sample of n, with variance B²·s²/n·(1 − n/B). */
function total(ofRows: Float64Array, batch: number): { value: number; variance: number } {
  const n = ofRows.length;
  const mean = ofRows.reduce((sum, x) => sum + x, 0) / n;
  const squares = ofRows.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { value: batch * mean, variance: ((batch ** 2 * squares) / (n - 1) / n) * (1 - n / batch) };
}

interface Side {
  readonly name: "image" | "text";
  /** This device's rows: embeddings, their gradients, and the embeddings of the other side. */
  readonly z: Tensor;
  readonly dz: Tensor;
  readonly others: Tensor;
}

/** Compares rows `picks` of the batch with all rows of the other side: their largest error, and SUMS [3, rows]. */
function sampled(
  picks: Uint32Array,
  { name, z, dz, others }: Side,
  t: number,
  b: number,
  comm: Communicator,
): { error: number; sums: Float64Array } {
  const [own, d] = z.shape;
  const rows = picks.length;
  const x = sumOverDevices(ownRows(z, picks, comm), comm); // [rows, d]
  const computed = sumOverDevices(ownRows(dz, picks, comm), comm);
  computed.forEach((value, at) => {
    refuse(value, `the gradient of ${name} ${picks[Math.floor(at / d)]}`);
  });

  const y = others.data;
  const exact = new Float64Array(rows * d);
  const sums = new Float64Array(SUMS.length * rows);
  for (let i = 0; i < rows; i++) {
    heap.onWork?.();
    const xi = x.subarray(i * d, (i + 1) * d);
    const dxi = exact.subarray(i * d, (i + 1) * d);
    const match = picks[i] - comm.rank * own; // the matching row of `others`, if this device has it
    for (let j = 0; j < own; j++) {
      const yj = j * d;
      let s = 0;
      for (let k = 0; k < d; k++) s += xi[k] * y[yj + k];
      const logit = t * s + b;
      const e = Math.exp(-Math.abs(logit));
      const sigmoid = (logit >= 0 ? 1 : e) / (1 + e);
      sums[i] += Math.max(logit, 0) + Math.log1p(e);
      sums[rows + i] += sigmoid;
      sums[2 * rows + i] += sigmoid * s;
      // σ − 1 = −σ(−ℓ), without cancellation
      const g = j === match ? -((logit >= 0 ? e : 1) / (1 + e)) : sigmoid;
      for (let k = 0; k < d; k++) dxi[k] += g * y[yj + k];
    }
  }
  const factor = t / (own * comm.size);
  const gradient = sumOverDevices(exact, comm).map((value) => value * factor);
  return { error: largestError(computed, gradient, d), sums: sumOverDevices(sums, comm) };
}

/** Rows `picks` of the whole batch, [rows, d] in f64; 0 for the rows of other devices. */
function ownRows(z: Tensor, picks: Uint32Array, { rank }: Communicator): Float64Array {
  const [own, d] = z.shape;
  const out = new Float64Array(picks.length * d);
  picks.forEach((pick, i) => {
    const at = pick - rank * own;
    if (at >= 0 && at < own) out.set(z.data.subarray(at * d, (at + 1) * d), i * d);
  });
  return out;
}

function sumOverDevices(values: Float64Array, comm: Communicator): Float64Array {
  const mine = tensor(values, [values.length], "f64");
  const all = comm.allReduce(mine);
  const sum = all.toArray() as Float64Array;
  for (const each of [mine, all]) each.storage.free();
  return sum;
}

function innerProducts(x: Tensor, y: Tensor): number {
  const [a, b] = [x.data, y.data];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function largestError(actual: Float64Array, exact: Float64Array, d: number): number {
  let largest = 0;
  for (let row = 0; row < exact.length; row += d) {
    let [difference, scale] = [0, 0];
    for (let k = row; k < row + d; k++) {
      difference = Math.max(difference, Math.abs(actual[k] - exact[k]));
      scale = Math.max(scale, Math.abs(exact[k]));
    }
    if (difference > 0) largest = Math.max(largest, difference / scale);
  }
  return largest;
}
