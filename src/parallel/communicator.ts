/**
 * What devices may say to each other. A device runs the whole program on its share of the work (SPMD): every device calls
 * the same operations in the same order, and each call returns when its result is there.
 *
 * Names and meaning follow MPI. Sums have one canonical order, so all ranks hold the same bits.
 */
import { add, copy, slice, type Tensor } from "../tensor/index.ts";

export interface Communicator {
  /** This device, 0..size−1. */
  readonly rank: number;
  readonly size: number;
  /** Hands x to the next rank (by = 1) or the one before (by = −1) on the ring; returns what arrived from the other side. */
  shift(x: Tensor, by: 1 | -1): Tensor;
  /** All ranks' x, by rank: [size, ...shape]. Shapes must agree. */
  allGather(x: Tensor): Tensor;
  /** The sum over ranks, by one binary tree. */
  allReduce(x: Tensor): Tensor;
  /** The x of `root`, on every rank. */
  broadcast(x: Tensor, root: number): Tensor;
  /** Returns when every rank has called it. */
  barrier(): void;
}

/** The world of one device: single-device code is the same code. */
export const alone: Communicator = {
  rank: 0,
  size: 1,
  shift: copy,
  allGather: (x) => copy(x).view([1, ...x.shape]),
  allReduce: copy,
  broadcast: copy,
  barrier: () => {},
};

/**
 * Σ over the leading axis by a binary tree: neighbours first, then neighbours of those. The order depends on their number
 * alone.   [n, ...] → [...]
 */
export function treeSum(x: Tensor): Tensor {
  const [n, ...shape] = x.shape;
  let parts = Array.from({ length: n }, (_, i) => slice(x, 0, i, i + 1).view(shape));
  while (parts.length > 1) {
    const pairs: Tensor[] = [];
    for (let i = 0; i < parts.length; i += 2) {
      pairs.push(i + 1 < parts.length ? add(parts[i], parts[i + 1]) : parts[i]);
    }
    parts = pairs;
  }
  return copy(parts[0]);
}
