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
  addSoftmaxGradients, addSoftmaxSums, empty, emptySoftmaxSums, type PairRule, portable, type SoftmaxSums, type SoftmaxWeights, scope, type Tensor, zeros,
} from "../tensor/index.ts"; // biome-ignore format: one list
import { type FusedOptions, type LossGradients, scaled, slopesOf } from "./fusedLoss.ts";
import { blockRule, type ShardedBatch, shardBatch, shardOf, totals, walkRing } from "./shardRing.ts";

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
  { onBlock, rule }: FusedOptions = {},
): LossGradients {
  const batch: Batch = {
    cut: shardBatch("fusedSoftmaxLoss", zimg, ztxt, comm, shards),
    zimg,
    ztxt,
    t: portable.exp(tPrime),
    rule,
  };
  return scope(() => {
    const { rowSums, columnSums, positives } = normalizers(batch);
    const rows = finish(rowSums, positives, batch.t);
    const columns = finish(columnSums, positives, batch.t);
    positives.data.set(rows.shares.map((share, i) => -(share + columns.shares[i]) / 2)); // Gᵢᵢ
    const { dzimg, dztxt } = gradients(batch, rows, columns, positives, onBlock);

    const { cut, t } = batch;
    const losses = Array.from(
      { length: cut.owned },
      (_, r) => sumOf(rows.losses, r, cut.n) + sumOf(columns.losses, r, cut.n),
    );
    const [loss, slope] = totals([losses, slopesOf(cut, zimg, dzimg)], cut);
    return {
      loss: loss / (2 * cut.batch),
      db: 0,
      dtPrime: (t * slope) / cut.batch,
      dzimg: scaled(dzimg, t / cut.batch),
      dztxt: scaled(dztxt, t / cut.batch),
    };
  });
}

interface Batch {
  readonly cut: ShardedBatch;
  readonly zimg: Tensor;
  readonly ztxt: Tensor;
  readonly t: number;
  readonly rule: PairRule | undefined;
}

/** The first walk: normalizers over the negatives of own rows and columns, and Sᵢᵢ of own pairs. */
function normalizers({ cut, zimg, ztxt, t, rule }: Batch) {
  const [n] = zimg.shape;
  const rowSums = emptySoftmaxSums(n, zimg.dtype);
  const positives = empty("fusedSoftmaxLoss", [n], zimg.dtype);
  const { tops, sums } = emptySoftmaxSums(n, zimg.dtype);
  const home = walkRing(cut, [ztxt], [tops, sums], ({ r, image, text, texts: [y], sums: [tops, sums] }) => {
    const own = (x: Tensor): Tensor => shardOf(cut, x, r);
    const rows = { tops: own(rowSums.tops), sums: own(rowSums.sums) };
    const matching = image === text ? own(positives) : undefined;
    scope(() => addSoftmaxSums(own(zimg), y, t, rows, { tops, sums }, matching, blockRule(cut, rule, image, text)));
  });
  return { rowSums, columnSums: { tops: home[0], sums: home[1] }, positives };
}

/** The second walk: gradients of own rows, without the factor t/B. `positives` holds Gᵢᵢ. */
function gradients(
  { cut, zimg, ztxt, t, rule }: Batch,
  rows: SoftmaxWeights,
  columns: SoftmaxWeights,
  positives: Tensor,
  onBlock: FusedOptions["onBlock"],
) {
  const dzimg = zeros(zimg.shape, zimg.dtype);
  const texts = [ztxt, columns.tops, columns.weights];
  const [dztxt] = walkRing(cut, texts, [zeros(ztxt.shape, ztxt.dtype)], ({ r, image, text, ...met }) => {
    const own = (x: Tensor): Tensor => shardOf(cut, x, r);
    const [y, tops, weights] = met.texts;
    const ofRows = { tops: own(rows.tops), weights: own(rows.weights) };
    const matching = image === text ? own(positives) : undefined;
    const ofBlock = blockRule(cut, rule, image, text);
    scope(() =>
      addSoftmaxGradients(own(zimg), y, t, ofRows, { tops, weights }, own(dzimg), met.sums[0], matching, ofBlock),
    );
    onBlock?.(image, text);
  });
  return { dzimg, dztxt };
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
    const ahead = t * (largest[i] - own[i]); // of the largest negative
    const s = ahead + portable.log(all[i]); // −∞ without negatives
    const e = portable.exp(-Math.abs(s));
    losses[i] = Math.max(s, 0) + portable.log1p(e);
    shares[i] = (s >= 0 ? 1 : e) / (1 + e);
    const smaller = portable.exp(-Math.abs(ahead));
    halfOfSum[i] = 0.5 / (ahead >= 0 ? all[i] + smaller : all[i] * smaller + 1);
    largest[i] = Math.max(largest[i], own[i]);
  }
  return { tops, weights, losses, shares };
}

/** Σ over the rows of own shard r. */
function sumOf(values: Float64Array, r: number, n: number): number {
  let sum = 0;
  for (let i = r * n; i < (r + 1) * n; i++) sum += values[i];
  return sum;
}
