/**
 * Shards: the pieces of a batch, and the one order in which sums over them are taken.
 *
 * Devices own neighbouring shards. A sum over shards is a binary tree over their numbers (0+1, 2+3, then those), so its bits do
 * not depend on which device owns which shard.
 */
import { addInto, concat, scope, slice, type Tensor, zeros } from "../tensor/index.ts";
import type { Communicator } from "./communicator.ts";

/** The batch does not divide into equal shards, or the work does not divide among the devices. */
export class ShardError extends Error {
  override readonly name = "ShardError";
}

/** Rows first..end−1, or shards first..end−1. */
export interface Range {
  readonly first: number;
  readonly end: number;
}

/** The shards that `rank` owns: neighbours, divided as evenly as possible. */
export const ownedShards = (shards: number, rank: number, size: number): Range => ({
  first: Math.floor((rank * shards) / size),
  end: Math.floor(((rank + 1) * shards) / size),
});

/** Throws `ShardError` unless every device gets a shard. */
function checkShards(shards: number, size: number): void {
  if (!(Number.isInteger(shards) && shards >= size)) {
    throw new ShardError(
      `shards: ${shards} shards are too few for ${size} devices; use an integer of at least ${size}`,
    );
  }
}

/** End of the left child of a node: the largest power of two that leaves the right child a shard. */
const middle = ({ first, end }: Range): number => first + 2 ** (31 - Math.clz32(end - first - 1));

const children = (node: Range): [Range, Range] => [
  { first: node.first, end: middle(node) },
  { first: middle(node), end: node.end },
];

/** The sums over a node; leaves are computed in ascending order, so at most one sum per level is held. */
function sumOf(node: Range, leaf: (node: Range) => Tensor[] | undefined): Tensor[] {
  const values = leaf(node);
  if (values) return values;
  const [left, right] = children(node);
  const totals = sumOf(left, leaf);
  scope(() => {
    const others = sumOf(right, leaf);
    for (const [i, total] of totals.entries()) addInto(total, others[i]);
  });
  return totals;
}

/** The largest nodes of the tree that lie within `own`. */
function cover(node: Range, own: Range): Range[] {
  if (own.first <= node.first && node.end <= own.end) return [node];
  if (node.end <= own.first || own.end <= node.first) return [];
  return children(node).flatMap((child) => cover(child, own));
}

/** Moves tensors into one flat tensor. */
const flatten = (parts: readonly Tensor[]): Tensor =>
  concat(
    parts.map((part) => part.view([part.size])),
    0,
  );

/** The inverse: views of parts of `flat`, in the shapes of `like`. */
function unflatten(flat: Tensor, like: readonly Tensor[]): Tensor[] {
  let start = 0;
  return like.map(({ shape, size }) => {
    start += size;
    return flat.view(shape, start - size);
  });
}

/**
 * Σ over all shards of `produce(shard)`, tensor by tensor; this rank calls it for its own shards in ascending order. The results
 * are bit-identical on every rank and for every number of devices. The tensors that `produce` returns are overwritten. Throws
 * `ShardError` if a device would own no shard.
 */
export function sumOverShards(shards: number, comm: Communicator, produce: (shard: number) => Tensor[]): Tensor[] {
  checkShards(shards, comm.size);
  const root = { first: 0, end: shards };
  const nodes = Array.from({ length: comm.size }, (_, rank) => cover(root, ownedShards(shards, rank, comm.size)));
  const sumOfOwn = (node: Range): Tensor[] =>
    sumOf(node, ({ first, end }) => (end - first === 1 ? produce(first) : undefined));
  if (comm.size === 1) return sumOfOwn(root);
  let parts: readonly Tensor[] = [];
  const own = nodes[comm.rank].map((node) =>
    scope(() => {
      parts = sumOfOwn(node);
      return flatten(parts);
    }),
  );
  const known = new Map<string, Tensor>();
  const name = ({ first, end }: Range): string => `${first}..${end}`;
  for (let round = 0; nodes.some((of) => round < of.length); round++) {
    const gathered = comm.allGather(own[round] ?? zeros(own[0].shape, own[0].dtype));
    nodes.forEach((of, rank) => {
      if (round < of.length) known.set(name(of[round]), slice(gathered, 0, rank, rank + 1).view(own[0].shape));
    });
  }
  const [flat] = sumOf(root, (node) => {
    const value = known.get(name(node));
    return value && [value];
  });
  return unflatten(flat, parts);
}
