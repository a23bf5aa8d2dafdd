/**
 * A device that calls random collectives and checks every number it receives: all ranks draw the same operations and
 * know what every rank sends.
 */
import type { Communicator } from "../../../src/parallel/index.ts";
import { runDevice } from "../../../src/parallel/launch.ts";
import {
  type DType,
  empty,
  Rng,
  type Shape,
  scope,
  sizeOf,
  type Tensor,
  tensor,
  useKernels,
} from "../../../src/tensor/index.ts";
import { type Disturbance, disturb, sleep } from "../jitter.ts";

export interface CollectivesJob extends Disturbance {
  readonly seed: number;
  readonly rounds: number;
  /** The rank that sleeps this long in every round, in ms. */
  readonly slow?: { readonly rank: number; readonly ms: number };
  /** Every rank sleeps up to this long and allocates in every round, in ms. */
  readonly busy?: number;
  /** One rank's heap grows by a few MiB in every round. */
  readonly grow?: boolean;
  /** Pieces of other work in every round for waiting ranks; each allocates memory and writes to it. */
  readonly pieces?: number;
}

/** Errors found, if any. */
export interface CollectivesResult {
  readonly wrong: readonly string[];
  readonly bytesReceived: number;
  /** How often a receive buffer was filled with NaN first. */
  readonly poisoned: number;
  /** Pieces of other work that were done. */
  readonly helped: number;
}

type Numbers = Float32Array | Float64Array;

/** The numbers that `rank` sends in a round. */
function said(seed: number, round: number, rank: number, shape: Shape, dtype: DType): Numbers {
  const rng = new Rng(seed).split(`${round} ${rank}`);
  const values = Float64Array.from({ length: sizeOf(shape) }, () => rng.normal());
  return dtype === "f32" ? Float32Array.from(values) : values;
}

/** The sum over a tree, level by level: neighbours first, then neighbours of those. */
function treeOf(parts: readonly Numbers[]): Numbers {
  if (parts.length === 1) return parts[0];
  const next: Numbers[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    next.push(i + 1 < parts.length ? parts[i].map((value, k) => value + parts[i + 1][k]) : parts[i]);
  }
  return treeOf(next);
}

function join(parts: readonly Numbers[]): number[] {
  return parts.flatMap((part) => Array.from(part));
}

/** One random collective: the received numbers and the expected ones. */
function act(
  comm: Communicator,
  seed: number,
  round: number,
): { what: string; got: Tensor | undefined; want: ArrayLike<number> } {
  const rng = new Rng(seed).split(`round ${round}`);
  const small = Array.from({ length: rng.integer(4) }, () => rng.integer(6)); // scalars and empty ones too
  const shape = rng.integer(8) === 0 ? [1 + rng.integer(3000)] : small;
  const dtype: DType = rng.integer(2) === 0 ? "f32" : "f64";
  const root = rng.integer(comm.size);
  const all = Array.from({ length: comm.size }, (_, rank) => said(seed, round, rank, shape, dtype));
  const x = tensor(all[comm.rank], shape, dtype);
  const what = ["shift +1", "shift −1", "allGather", "allReduce", "broadcast", "barrier"][rng.integer(6)];
  const from = (by: number): Numbers => all[(comm.rank - by + comm.size) % comm.size];
  switch (what) {
    case "shift +1":
      return { what, got: comm.shift(x, 1), want: from(1) };
    case "shift −1":
      return { what, got: comm.shift(x, -1), want: from(-1) };
    case "allGather":
      return { what, got: comm.allGather(x), want: join(all) };
    case "allReduce":
      return { what, got: comm.allReduce(x), want: treeOf(all) };
    case "broadcast":
      return { what, got: comm.broadcast(x, root), want: all[root] };
    default:
      comm.barrier();
      return { what, got: undefined, want: [] };
  }
}

runDevice<CollectivesJob, CollectivesResult>(({ comm, config: job, step }) => {
  const { seed, rounds, slow, busy = 0, grow = false, pieces = 0 } = job;
  const rng = new Rng(seed).split(`rank ${comm.rank}`);
  const wrong: string[] = [];
  const kept: Tensor[] = []; // so that the heap has to grow
  let poisoned = 0;
  comm.onReceive = (into) => {
    into.data.fill(Number.NaN);
    poisoned++;
  };
  let [helped, left] = [0, 0];
  comm.whileWaiting = () => {
    if (left === 0) return false;
    left--;
    helped++;
    scope(() => empty("test", [2 ** 12], "f32").data.fill(helped));
    return true;
  };
  useKernels(undefined); // sums are the same on all kernels, and a test does not wait until one is chosen
  disturb(job, seed + comm.rank);
  for (let round = 0; round < rounds; round++) {
    step(round);
    left = pieces;
    if (slow?.rank === comm.rank) sleep(slow.ms);
    if (busy > 0) sleep(rng.between(0, busy));
    if (grow && round % comm.size === comm.rank) kept.push(empty("test", [2 ** 20], "f32"));
    scope(() => {
      if (busy > 0) empty("test", [1 + rng.integer(2 ** 18)], "f32").data.fill(round);
      const { what, got, want } = act(comm, seed, round);
      // Memory that was sent may be overwritten as soon as the call returns.
      const same = !got || (got.size === want.length && got.data.every((value, i) => Object.is(value, want[i])));
      if (!same)
        wrong.push(`round ${round}: ${what} gave ${got?.data.slice(0, 8)} instead of ${Array.from(want).slice(0, 8)}`);
    });
  }
  return { wrong, bytesReceived: comm.bytesReceived, poisoned, helped };
});
