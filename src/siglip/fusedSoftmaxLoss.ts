/**
 * The softmax loss of `softmaxLoss.ts` with its gradients, on any number of devices, without storing pairs: the form that
 * training uses. Memory is O(n·d) for any batch, as in the sigmoid loss; the price of the normalizers is a second walk.
 *
 *     sᵢ = log Σⱼ≠ᵢ e^(ℓᵢⱼ − ℓᵢᵢ),   L = (1/2n) Σᵢ softplus(sᵢ), rows and columns
 *     Gᵢⱼ = ½·(pᵢⱼ + qᵢⱼ),   pᵢⱼ = e^ℓᵢⱼ / Σₖ e^ℓᵢₖ, qᵢⱼ = e^ℓᵢⱼ / Σₖ e^ℓₖⱼ        Gᵢᵢ = −½·(σ(sᵢ) + σ(sᵢ of column i))
 *
 * First walk: texts carry the running normalizers of their columns, images keep those of their rows. Second walk: texts carry
 * their normalizers and their accumulated gradient. One product of four is there for the first walk alone: 8·d operations a
 * pair. Fewer are impossible without storing pairs: a gradient of an image sums texts over the normalizers of their columns.
 */
import type { Communicator } from "../parallel/index.ts";
import {
  addSoftmaxGradients, addSoftmaxSums, empty, emptySoftmaxSums, portable, type SoftmaxSums, type SoftmaxWeights, scope, type Tensor, zeros,
} from "../tensor/index.ts"; // biome-ignore format: one list
import { type FusedOptions, type LossGradients, scaled, slopesOf } from "./fusedLoss.ts";
import { shardBatch, shardOf, totals, walkRing } from "./shardRing.ts";

/**
 * The softmax loss of the whole batch and its gradients; the same bits on any number of devices.
 *
 * zimg, ztxt [k·n, d]: the rows of this device's k shards, in order; k is the same on every device. Throws `ShardError` if the
 * shards do not divide evenly among the devices, `ShapeError` unless zimg and ztxt have one shape.
 */
export function fusedSoftmaxLoss(
  zimg: Tensor,
  ztxt: Tensor,
  tPrime: number,
  comm: Communicator,
  shards: number = comm.size,
  { onBlock }: FusedOptions = {},
): LossGradients {
  const cut = shardBatch("fusedSoftmaxLoss", zimg, ztxt, comm, shards);
  const t = portable.exp(tPrime);
  const { dtype } = zimg;
  const [count] = zimg.shape;
  return scope(() => {
    const own = (x: Tensor, r: number): Tensor => shardOf(cut, x, r);
    const rowSums = emptySoftmaxSums(count, dtype);
    const positives = empty("fusedSoftmaxLoss", [count], dtype); // Sᵢᵢ of own pairs
    const { tops, sums } = emptySoftmaxSums(count, dtype);
    const columnSums = walkRing(cut, [ztxt], [tops, sums], ({ r, image, text, texts: [y], sums: [tops, sums] }) => {
      const rows = { tops: own(rowSums.tops, r), sums: own(rowSums.sums, r) };
      scope(() =>
        addSoftmaxSums(own(zimg, r), y, t, rows, { tops, sums }, image === text ? own(positives, r) : undefined),
      );
    });

    const rows = finish(rowSums, positives, t);
    const columns = finish({ tops: columnSums[0], sums: columnSums[1] }, positives, t);
    positives.data.set(rows.shares.map((share, i) => -(share + columns.shares[i]) / 2)); // Gᵢᵢ

    const dzimg = zeros(zimg.shape, dtype);
    const travelling = [ztxt, columns.tops, columns.weights];
    const [dztxt] = walkRing(cut, travelling, [zeros(ztxt.shape, dtype)], (block) => {
      const { r, image, text, texts: [y, tops, weights], sums: [dy] } = block; // biome-ignore format: a line
      const ofRows = { tops: own(rows.tops, r), weights: own(rows.weights, r) };
      const diagonal = image === text ? own(positives, r) : undefined;
      scope(() => addSoftmaxGradients(own(zimg, r), y, t, ofRows, { tops, weights }, own(dzimg, r), dy, diagonal));
      onBlock?.(image, text);
    });

    const losses = Array.from(
      { length: cut.owned },
      (_, r) => sumOf(rows.losses, r, cut.n) + sumOf(columns.losses, r, cut.n),
    );
    const [loss, slope] = totals([losses, slopesOf(cut, zimg, dzimg)], cut);
    const { batch } = cut;
    return {
      loss: loss / (2 * batch),
      db: 0,
      dtPrime: (t * slope) / batch,
      dzimg: scaled(dzimg, t / batch),
      dztxt: scaled(dztxt, t / batch),
    };
  });
}

/** Rows or columns with complete normalizers. */
interface Finished extends SoftmaxWeights {
  /** softplus(sᵢ) */
  readonly losses: Float64Array;
  /** σ(sᵢ): the probability of all negatives together. */
  readonly shares: Float64Array;
}

/** From the normalizers over negatives: loss, and, with the positive added, the weights ½/Σ. `tops` is overwritten. */
function finish({ tops, sums }: SoftmaxSums, positives: Tensor, t: number): Finished {
  const [n] = tops.shape;
  const weights = empty("fusedSoftmaxLoss", [n], tops.dtype);
  const [losses, shares] = [new Float64Array(n), new Float64Array(n)];
  const [largest, halfOfSum, all, own] = [tops.data, weights.data, sums.data, positives.data];
  for (let i = 0; i < n; i++) {
    const top = largest[i];
    const s = t * (top - own[i]) + portable.log(all[i]); // −∞ without negatives
    const e = portable.exp(-Math.abs(s));
    losses[i] = Math.max(s, 0) + portable.log1p(e);
    shares[i] = (s >= 0 ? 1 : e) / (1 + e);
    largest[i] = Math.max(top, own[i]);
    const whole = all[i] * portable.exp(t * (top - largest[i])) + portable.exp(t * (own[i] - largest[i]));
    halfOfSum[i] = 0.5 / whole;
  }
  return { tops, weights, losses, shares };
}

/** Σ over the rows of own shard r. */
function sumOf(values: Float64Array, r: number, n: number): number {
  let sum = 0;
  for (let i = r * n; i < (r + 1) * n; i++) sum += values[i];
  return sum;
}
