/**
 * The sigmoid loss with its gradients in one pass, on any number of devices: what training runs.
 *
 * The gradient of a pair is known as soon as its logit is: G = σ(ℓ) − label. So nothing pairwise is kept for a way back and
 * nothing is computed twice. Image embeddings stay; a block of text embeddings travels the ring together with the gradient it
 * has collected, and is home after one round. Memory is O(n·d) whatever the batch.
 *
 * The batch is cut into shards, and the order of every sum is stated in shards, not in devices: image shard r adds text
 * shards r, r+1, ..., and text shard s collects from image shards s, s−1, ... (both modulo their number). A pair that would
 * come too early waits until its block is home again. So which device owns which shard changes no bit.
 */
import { type Communicator, ownedShards, ShardError } from "../parallel/index.ts";
import { mul, sigmoidBlock, slice, type Tensor, tensor, total, zeros } from "../tensor/index.ts";
import { checkPairs } from "./loss.ts";

export interface LossGradients {
  /** Over the whole batch: the same on every rank. */
  readonly loss: number;
  readonly dtPrime: number;
  readonly db: number;
  /** Of this device's rows. */
  readonly dzimg: Tensor;
  readonly dztxt: Tensor;
}

/** What a device computed at a hop: image shard, text shard. For tests and drawings. */
export type OnBlock = (imageShard: number, textShard: number) => void;

/**
 * zimg, ztxt [k·n, d]: the rows of this device's k shards, in their order. Every device must own as many shards.
 *
 * Throws `ShardError` where the shards do not divide among the devices.
 */
export function fusedSigmoidLoss(
  zimg: Tensor,
  ztxt: Tensor,
  tPrime: number,
  b: number,
  comm: Communicator,
  shards: number = comm.size,
  onBlock?: OnBlock,
): LossGradients {
  const rows = checkPairs("fusedSigmoidLoss", zimg, ztxt);
  const owned = shards / comm.size;
  if (!Number.isInteger(owned) || rows % owned !== 0) {
    throw new ShardError(
      `fusedSigmoidLoss: ${shards} shards on ${comm.size} devices with ${rows} rows each; shards must be a multiple of the devices, and rows of the shards that a device owns`,
    );
  }
  const n = rows / owned;
  const batch = n * shards;
  const t = Math.exp(tPrime);
  const { first } = ownedShards(shards, comm.rank, comm.size);
  const shardOf = (x: Tensor, shard: number): Tensor => slice(x, 0, shard * n, (shard + 1) * n);
  const dzimg = zeros(zimg.shape, zimg.dtype);
  // Loss and Σ G of every own image shard, added up in the order of its text shards.
  const losses = new Float64Array(owned);
  const sums = new Float64Array(owned);

  let texts = ztxt;
  let dtexts = zeros(ztxt.shape, ztxt.dtype);
  /** All pairs of own image shards with the text shards that are here, which begin at shard `from`. */
  const visit = (from: number, wanted: (image: number, text: number) => boolean): void => {
    for (let s = 0; s < owned; s++) {
      for (let r = owned - 1; r >= 0; r--) {
        const [image, text] = [first + r, from + s];
        if (!wanted(image, text)) continue;
        const block = sigmoidBlock(
          shardOf(zimg, r), shardOf(texts, s), t, b, image === text, shardOf(dzimg, r), shardOf(dtexts, s),
        ); // biome-ignore format: in, then out
        losses[r] += block.loss;
        sums[r] += block.sum;
        onBlock?.(image, text);
      }
    }
  };

  visit(first, (image, text) => image <= text); // later image shards first send their own texts round
  for (let hop = 1; hop < comm.size; hop++) {
    texts = comm.shift(texts, -1);
    dtexts = comm.shift(dtexts, -1);
    visit(((comm.rank + hop) % comm.size) * owned, () => true);
  }
  if (comm.size > 1) {
    texts = ztxt;
    dtexts = comm.shift(dtexts, -1); // home
  }
  visit(first, (image, text) => image > text);

  // ∂t′ = Σ G·t·S, and Σⱼ Gᵢⱼ·Sᵢⱼ = ⟨xᵢ, (G·y)ᵢ⟩ is there already.
  const slopes = Array.from({ length: owned }, (_, r) => total(mul(shardOf(zimg, r), shardOf(dzimg, r))));
  const own = tensor([...losses, ...sums, ...slopes], [3, owned], "f64");
  const all = comm.allGather(own).data; // [size, 3, owned]
  const sumOf = (which: number): number => {
    let sum = 0;
    for (let rank = 0; rank < comm.size; rank++) {
      for (let r = 0; r < owned; r++) sum += all[(rank * 3 + which) * owned + r];
    }
    return sum;
  };
  return {
    loss: sumOf(0) / batch,
    db: sumOf(1) / batch,
    dtPrime: (t * sumOf(2)) / batch,
    dzimg: mul(dzimg, t / batch),
    dztxt: mul(dtexts, t / batch),
  };
}
