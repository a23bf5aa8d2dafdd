/**
 * The sigmoid loss with its gradients in one pass, on any number of devices: the form that training uses.
 *
 * The gradient of a pair follows from its logit: G = −z·σ(−z·ℓ), where z = ±1 is its label. So no pairwise values are stored for
 * the backward pass, and none are recomputed. Image embeddings stay; a block of text embeddings travels round the ring with its
 * accumulated gradient, which returns to its owner at the end. Memory is O(n·d) for any batch.
 *
 * The order of every sum is defined by shards, not devices: image shard r adds text shards r, r+1, ..., and text shard s adds
 * image shards s, s−1, ... (both modulo their number). A pair that would come too early waits until its block has returned. So
 * the result is bit-identical for any assignment of shards to devices.
 */
import { type Communicator, ownedShards, ShardError } from "../parallel/index.ts";
import { mul, portable, scope, sigmoidBlock, slice, type Tensor, tensor, total, zeros } from "../tensor/index.ts";
import { checkPairs } from "./loss.ts";

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

/** Settings of `fusedSigmoidLoss`. */
export interface FusedOptions {
  /** Is called for every block of pairs that this device computes. For tests and drawings. */
  readonly onBlock?: (imageShard: number, textShard: number) => void;
}

/** A walk round the ring: the devices, the texts, and a function that computes one block. */
interface Walk {
  readonly comm: Communicator;
  readonly ztxt: Tensor;
  /** Computes own images against the texts of rank `owner` and adds to `dtexts`; `wanted` selects pairs of shards. */
  visit(texts: Tensor, dtexts: Tensor, owner: number, wanted?: (image: number, text: number) => boolean): void;
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
  { onBlock }: FusedOptions = {},
): LossGradients {
  const owned = ownedOf(checkPairs("fusedSigmoidLoss", zimg, ztxt), shards, comm.size);
  const n = zimg.shape[0] / owned;
  const batch = n * shards;
  const t = portable.exp(tPrime);
  const { first } = ownedShards(shards, comm.rank, comm.size);
  const shardOf = (x: Tensor, shard: number): Tensor => slice(x, 0, shard * n, (shard + 1) * n);

  return scope(() => {
    const dzimg = zeros(zimg.shape, zimg.dtype);
    // Loss and Σ G of every own image shard, summed in the order of its text shards.
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

    // ∂t′ = Σ G·t·S, where Σⱼ Gᵢⱼ·Sᵢⱼ = ⟨xᵢ, (G·y)ᵢ⟩ and dzimg already holds G·y.
    const slopes = Array.from({ length: owned }, (_, r) =>
      scope(() => total(mul(shardOf(zimg, r), shardOf(dzimg, r)))),
    );
    const [loss, db, slope] = totals([losses, sums, slopes], comm);
    const scaled = (sum: Tensor): Tensor => {
      const gradient = mul(sum, t / batch);
      sum.storage.free(); // before the next tensor: memory of a large batch peaks here
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

/** How many shards each device owns. */
function ownedOf(rows: number, shards: number, devices: number): number {
  const owned = shards / devices;
  if (Number.isInteger(owned) && owned >= 1 && rows % owned === 0) return owned;
  throw new ShardError(
    `fusedSigmoidLoss: ${shards} shards on ${devices} devices with ${rows} rows each; shards must be a multiple of the devices, and rows a multiple of the shards per device`,
  );
}

/** The sum of each list over the whole batch, in shard order; a list holds one number for each own shard. */
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

/** Passes texts and their gradients round the ring once; returns the gradients of the own texts. */
function walkRound({ comm, ztxt, visit }: Walk): Tensor {
  const { rank, size } = comm;
  let texts = ztxt;
  let dtexts = zeros(ztxt.shape, ztxt.dtype);
  visit(texts, dtexts, rank, (image, text) => image <= text); // pairs with later image shards come last
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

/** Passes x on and frees its memory, unless it is `stays`; returns the tensor received. */
function pass(x: Tensor, comm: Communicator, stays?: Tensor): Tensor {
  const arrived = comm.shift(x, -1);
  if (x !== stays) x.storage.free();
  return arrived;
}
