/**
 * A batch cut into shards, and the walk in which every image shard meets every text shard: images stay, texts go round the ring.
 *
 * The order of every sum is defined by shards, not devices: image shard r meets text shards r, r+1, ..., and text shard s meets
 * image shards s, s−1, ... (both modulo their number). A pair that would come too early waits until its block has returned. So
 * the result is bit-identical for any assignment of shards to devices.
 */
import { type Communicator, ownedShards, ShardError } from "../parallel/index.ts";
import { type BlockRule, type PairRule, slice, type Tensor, tensor } from "../tensor/index.ts";
import { checkPairs } from "./loss.ts";

/** A batch that is cut into shards; this device owns `owned` of them, the first of which is `first`. */
export interface ShardedBatch {
  readonly comm: Communicator;
  readonly owned: number;
  readonly first: number;
  /** Rows of a shard. */
  readonly n: number;
  /** Pairs in the whole batch. */
  readonly batch: number;
}

/** Throws `ShardError` if the shards do not divide evenly among the devices, `ShapeError` unless zimg and ztxt have one shape. */
export function shardBatch(op: string, zimg: Tensor, ztxt: Tensor, comm: Communicator, shards: number): ShardedBatch {
  const rows = checkPairs(op, zimg, ztxt);
  const owned = shards / comm.size;
  if (!Number.isInteger(owned) || owned < 1 || rows % owned !== 0) {
    throw new ShardError(
      `${op}: ${shards} shards on ${comm.size} devices with ${rows} rows each; shards must be a multiple of the devices, and rows a multiple of the shards per device`,
    );
  }
  const n = rows / owned;
  return { comm, owned, first: ownedShards(shards, comm.rank, comm.size).first, n, batch: n * shards };
}

/** The rows of one own shard of x. */
export const shardOf = ({ n }: ShardedBatch, x: Tensor, shard: number): Tensor =>
  slice(x, 0, shard * n, (shard + 1) * n);

/** A rule for the block of an image shard and a text shard. */
export const blockRule = (
  { n, batch }: ShardedBatch,
  rule: PairRule | undefined,
  image: number,
  text: number,
): BlockRule | undefined => rule && { ...rule, row: image * n, col: text * n, batch };

/** A block of pairs: an image shard, number `r` of this device, and a text shard. */
export interface Block {
  readonly r: number;
  readonly image: number;
  readonly text: number;
  /** The text shard's rows of the tensors that travel, in their order. */
  readonly texts: readonly Tensor[];
  readonly sums: readonly Tensor[];
}

/**
 * Calls `visit` for every block of this device's images. `texts` travel unchanged; `sums`, to which `visit` adds, travel with them
 * and return to their owner: the result. All are rows of this device's texts at first. `sums` are overwritten, or freed.
 */
export function walkRing(
  { comm, owned, first, n }: ShardedBatch,
  texts: readonly Tensor[],
  sums: readonly Tensor[],
  visit: (block: Block) => void,
): readonly Tensor[] {
  const { rank, size } = comm;
  const meet = (
    met: readonly Tensor[],
    added: readonly Tensor[],
    owner: number,
    wanted = (_i: number, _t: number) => true,
  ) => {
    for (let s = 0; s < owned; s++) {
      const shard = (x: Tensor): Tensor => slice(x, 0, s * n, (s + 1) * n);
      for (let r = owned - 1; r >= 0; r--) {
        const [image, text] = [first + r, owner * owned + s];
        if (wanted(image, text)) visit({ r, image, text, texts: met.map(shard), sums: added.map(shard) });
      }
    }
  };
  let met = texts;
  let added = sums;
  meet(met, added, rank, (image, text) => image <= text); // pairs with later image shards come last
  for (let hop = 1; hop < size; hop++) {
    met = met.map((x) => pass(x, comm, texts));
    added = added.map((x) => pass(x, comm));
    meet(met, added, (rank + hop) % size);
  }
  if (size > 1) {
    for (const x of met) x.storage.free();
    added = added.map((x) => pass(x, comm)); // home
  }
  meet(texts, added, rank, (image, text) => image > text);
  return added;
}

/** Passes x on and frees its memory, unless it is one of `stay`; returns the tensor received. */
function pass(x: Tensor, comm: Communicator, stay: readonly Tensor[] = []): Tensor {
  const arrived = comm.shift(x, -1);
  if (!stay.includes(x)) x.storage.free();
  return arrived;
}

/** The sum of each list over the whole batch, in shard order; a list holds one number for each own shard. */
export function totals(lists: readonly ArrayLike<number>[], { comm, owned }: ShardedBatch): number[] {
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
