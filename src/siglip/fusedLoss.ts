/**
 * The sigmoid loss with its gradients in one pass, on any number of devices: the form that training uses.
 *
 * The gradient of a pair follows from its logit: G = −z·σ(−z·ℓ), where z = ±1 is its label. So no pairwise values are stored for
 * the backward pass, and none are recomputed. Image embeddings stay; a block of text embeddings travels round the ring with its
 * accumulated gradient, which returns to its owner at the end. Memory is O(n·d) for any batch. The order of every sum is that of
 * `walkRing`, so the result is bit-identical for any assignment of shards to devices.
 */
import type { Communicator } from "../parallel/index.ts";
import { mul, type PairRule, portable, scope, sigmoidBlock, type Tensor, total, zeros } from "../tensor/index.ts";
import { blockRule, type ShardedBatch, shardBatch, shardOf, totals, walkRing } from "./shardRing.ts";

/** A loss with its gradients. */
export interface LossGradients {
  /** Of the whole batch; the same on every rank. */
  readonly loss: number;
  readonly dtPrime: number;
  readonly db: number;
  /** For this device's rows. */
  readonly dzimg: Tensor;
  readonly dztxt: Tensor;
}

/** Settings of `fusedSigmoidLoss` and `fusedSoftmaxLoss`. */
export interface FusedOptions {
  /** Is called for every block of pairs whose gradient this device computes. For tests and drawings. */
  readonly onBlock?: (imageShard: number, textShard: number) => void;
  /** Which pairs count, and as what. */
  readonly rule?: PairRule;
}

/**
 * The sigmoid loss of the whole batch and its gradients.
 *
 * zimg, ztxt [k·n, d]: the rows of this device's k shards, in order; k is the same on every device. Throws `ShardError` if the
 * shards do not divide evenly among the devices, `ShapeError` unless zimg and ztxt have one shape.
 */
export function fusedSigmoidLoss(
  zimg: Tensor,
  ztxt: Tensor,
  tPrime: number,
  b: number,
  comm: Communicator,
  shards: number = comm.size,
  { onBlock, rule }: FusedOptions = {},
): LossGradients {
  const cut = shardBatch("fusedSigmoidLoss", zimg, ztxt, comm, shards);
  const t = portable.exp(tPrime);
  return scope(() => {
    const dzimg = zeros(zimg.shape, zimg.dtype);
    // Loss and Σ G of every own image shard, summed in the order of its text shards.
    const losses = new Float64Array(cut.owned);
    const sums = new Float64Array(cut.owned);
    const [dztxt] = walkRing(
      cut,
      [ztxt],
      [zeros(ztxt.shape, ztxt.dtype)],
      ({ r, image, text, texts: [y], sums: [dy] }) => {
        const [x, dx] = [shardOf(cut, zimg, r), shardOf(cut, dzimg, r)];
        const block = scope(() => sigmoidBlock(x, y, t, b, image === text, dx, dy, blockRule(cut, rule, image, text)));
        losses[r] += block.loss;
        sums[r] += block.sum;
        onBlock?.(image, text);
      },
    );
    const [loss, db, slope] = totals([losses, sums, slopesOf(cut, zimg, dzimg)], cut);
    const { batch } = cut;
    return {
      loss: loss / batch,
      db: db / batch,
      dtPrime: (t * slope) / batch,
      dzimg: scaled(dzimg, t / batch),
      dztxt: scaled(dztxt, t / batch),
    };
  });
}

/** Σ G·S of every own image shard: ∂t′ = Σ G·t·S, where Σⱼ Gᵢⱼ·Sᵢⱼ = ⟨xᵢ, (G·y)ᵢ⟩ and `dzimg` holds G·y. */
export const slopesOf = (cut: ShardedBatch, zimg: Tensor, dzimg: Tensor): number[] =>
  Array.from({ length: cut.owned }, (_, r) => scope(() => total(mul(shardOf(cut, zimg, r), shardOf(cut, dzimg, r)))));

/** factor·x; x is freed before the next tensor: memory of a large batch peaks here. */
export function scaled(x: Tensor, factor: number): Tensor {
  const out = mul(x, factor);
  x.storage.free();
  return out;
}
