/**
 * Collective operations. A device runs the whole program on its share of the work (SPMD): every device calls the same
 * operations in the same order, and each call blocks until its result is complete.
 *
 * Names and semantics follow MPI. Sums have one canonical order, so all ranks hold the same bits.
 */
import { add, copy, slice, type Tensor } from "../tensor/index.ts";

/** The collectives of one device. */
export interface Communicator {
  /** Number of this device, 0..size−1. */
  readonly rank: number;
  readonly size: number;
  /** Sends x to the next rank on the ring (by = 1) or the previous one (by = −1); returns the x of the opposite neighbour. */
  shift(x: Tensor, by: 1 | -1): Tensor;
  /** The x of every rank, in rank order: [size, ...shape]. Shapes must agree. */
  allGather(x: Tensor): Tensor;
  /** The sum over ranks, in the order of `treeSum`. */
  allReduce(x: Tensor): Tensor;
  /** The x of `root`, on every rank. */
  broadcast(x: Tensor, root: number): Tensor;
  /** Returns when every rank has called it. */
  barrier(): void;
}

/** The communicator of a single device: every collective copies. */
export const alone: Communicator = {
  rank: 0,
  size: 1,
  shift: copy,
  allGather: (x) => copy(x).view([1, ...x.shape]),
  allReduce: copy,
  broadcast: copy,
  barrier: () => {},
};

/** Σ over the leading axis by a binary tree (0+1, 2+3, then those): the order depends on n alone.   [n, ...] → [...] */
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
