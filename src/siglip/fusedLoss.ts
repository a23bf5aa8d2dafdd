/**
 * The sigmoid loss with its gradients in one pass, on any number of devices: what training runs.
 *
 * The gradient of a pair is known as soon as its logit is: G = −z·σ(−z·ℓ), where z = ±1 is its label. So nothing pairwise is kept
 * for the backward pass and nothing is computed twice. Image embeddings stay; a block of text embeddings travels round the ring
 * together with the gradient that it has collected, which is sent home at the end. Memory is O(n·d) whatever the batch.
 *
 * The batch is cut into shards, and the order of every sum is stated in shards, not in devices: image shard r adds text shards
 * r, r+1, ..., and text shard s collects from image shards s, s−1, ... (both modulo their number). A pair that would come too
 * early waits until its block is home again. So which device owns which shard changes no bit.
 */
import { type Communicator, ownedShards, ShardError } from "../parallel/index.ts";
import { mul, portable, scope, sigmoidBlock, slice, type Tensor, tensor, total, zeros } from "../tensor/index.ts";
import { checkPairs } from "./loss.ts";

/** A loss with its gradients. */
export interface LossGradients {
  /** Over the whole batch: the same on every rank. */
  readonly loss: number;
  readonly dtPrime: number;
  readonly db: number;
  /** Of this device's rows. */
  readonly dzimg: Tensor;
  readonly dztxt: Tensor;
}

/** Settings of `fusedSigmoidLoss`. */
export interface FusedOptions {
  /** Told of every block of pairs that this device computes: image shard, text shard. For tests and drawings. */
  readonly onBlock?: (imageShard: number, textShard: number) => void;
}

/** What a walk round the ring needs: who, what, and how to do one block. */
interface Walk {
  readonly comm: Communicator;
  readonly ztxt: Tensor;
  /** Pairs of own images with the texts of rank `owner`, added to `dtexts`; some of the pairs of shards, where said. */
  visit(texts: Tensor, dtexts: Tensor, owner: number, wanted?: (image: number, text: number) => boolean): void;
}

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
  { onBlock }: FusedOptions = {},
): LossGradients {
  const rows = checkPairs("fusedSigmoidLoss", zimg, ztxt);
  const owned = shards / comm.size;
  if (!Number.isInteger(owned) || owned < 1 || rows % owned !== 0) {
    throw new ShardError(
      `fusedSigmoidLoss: ${shards} shards on ${comm.size} devices with ${rows} rows each; shards must be a multiple of the devices, and rows of the shards that a device owns`,
    );
  }
  const n = rows / owned;
  const batch = n * shards;
  const t = portable.exp(tPrime);
  const { first } = ownedShards(shards, comm.rank, comm.size);
  const shardOf = (x: Tensor, shard: number): Tensor => slice(x, 0, shard * n, (shard + 1) * n);

  return scope(() => {
    const dzimg = zeros(zimg.shape, zimg.dtype);
    // Loss and Σ G of every own image shard, added up in the order of its text shards.
    const losses = new Float64Array(owned);
    const sums = new Float64Array(owned);

    const visit: Walk["visit"] = (texts, dtexts, owner, wanted = () => true) => {
      for (let s = 0; s < owned; s++) {
        for (let r = owned - 1; r >= 0; r--) {
          const [image, text] = [first + r, owner * owned + s];
          if (!wanted(image, text)) continue;
          const own = { x: shardOf(zimg, r), dx: shardOf(dzimg, r) };
          const met = { y: shardOf(texts, s), dy: shardOf(dtexts, s) };
          const block = scope(() => sigmoidBlock(own.x, met.y, t, b, image === text, own.dx, met.dy));
          losses[r] += block.loss;
          sums[r] += block.sum;
          onBlock?.(image, text);
        }
      }
    };
    const dtexts = walkRound({ comm, ztxt, visit });

    // ∂t′ = Σ G·t·S, and Σⱼ Gᵢⱼ·Sᵢⱼ = ⟨xᵢ, (G·y)ᵢ⟩ is there already.
    const slopes = Array.from({ length: owned }, (_, r) =>
      scope(() => total(mul(shardOf(zimg, r), shardOf(dzimg, r)))),
    );
    const [loss, db, slope] = totals([losses, sums, slopes], comm);
    const scaled = (sum: Tensor): Tensor => {
      const gradient = mul(sum, t / batch);
      sum.storage.free(); // before the next: at a large batch this is where memory peaks
      return gradient;
    };
    return {
      loss: loss / batch,
      db: db / batch,
      dtPrime: (t * slope) / batch,
      dzimg: scaled(dzimg),
      dztxt: scaled(dtexts),
    };
  });
}

/** The sum of each list over the whole batch, shard by shard in their order; every list has a number for each own shard. */
function totals(lists: readonly ArrayLike<number>[], comm: Communicator): number[] {
  const owned = lists[0].length;
  const own = lists.flatMap((list) => Array.from(list));
  const all = comm.allGather(tensor(own, [lists.length, owned], "f64")).data; // [size, lists, owned]
  return lists.map((_, which) => {
    let sum = 0;
    for (let rank = 0; rank < comm.size; rank++) {
      for (let r = 0; r < owned; r++) sum += all[(rank * lists.length + which) * owned + r];
    }
    return sum;
  });
}

/** Texts and their gradients go round once; returns the gradients of the own texts. */
function walkRound({ comm, ztxt, visit }: Walk): Tensor {
  const { rank, size } = comm;
  let texts = ztxt;
  let dtexts = zeros(ztxt.shape, ztxt.dtype);
  visit(texts, dtexts, rank, (image, text) => image <= text); // later image shards first send their own texts round
  for (let hop = 1; hop < size; hop++) {
    texts = pass(texts, comm, ztxt);
    dtexts = pass(dtexts, comm);
    visit(texts, dtexts, (rank + hop) % size);
  }
  if (size > 1) {
    texts.storage.free();
    dtexts = pass(dtexts, comm); // home
  }
  visit(ztxt, dtexts, rank, (image, text) => image > text);
  return dtexts;
}

/** Hands x on and gives its memory back, unless it is to stay; returns what arrived. */
function pass(x: Tensor, comm: Communicator, stays?: Tensor): Tensor {
  const arrived = comm.shift(x, -1);
  if (x !== stays) x.storage.free();
  return arrived;
}
