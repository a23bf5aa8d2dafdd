/**
 * A world of W devices in one thread, without waiting: for properties that need thousands of cases, and for pages that show how
 * devices work together.
 *
 * Collectives are synchronous calls, so a rank cannot be suspended in one. Instead every rank's program runs until it calls a new
 * collective, stops there by an exception, and restarts when all ranks have called it; earlier collectives are answered from the
 * record. With K collectives a program runs K + 1 times, and must do the same every time.
 *
 * Shares no code with threads.ts; like it, refuses ranks in different operations.
 */

import { type DType, type Shape, scope, show, sizeOf, type Tensor, tensor } from "../tensor/index.ts";
import { type Communicator, treeSum } from "./communicator.ts";
import { DesyncError } from "./errors.ts";

interface Said {
  /** Operation, dtype and shape, as in messages; must be equal on all ranks. */
  readonly what: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: Float32Array | Float64Array;
}

/** Ends a run of a program at its first collective that is not on record. */
const PAUSED = Symbol("paused");

export class LockstepCommunicator implements Communicator {
  readonly rank: number;
  readonly size: number;
  /** The recorded calls, by collective and rank. */
  readonly #record: readonly (readonly Said[])[];
  /** Collectives that this rank has called. */
  calls = 0;
  said: Said | undefined;

  constructor(rank: number, size: number, record: readonly (readonly Said[])[]) {
    this.rank = rank;
    this.size = size;
    this.#record = record;
  }

  shift(x: Tensor, by: 1 | -1): Tensor {
    const from = this.#say(`shift by ${by}`, x)[(this.rank - by + this.size) % this.size];
    return tensor(from.data, x.shape, x.dtype);
  }

  allGather(x: Tensor): Tensor {
    return this.#gather("allGather", x);
  }

  allReduce(x: Tensor): Tensor {
    return treeSum(this.#gather("allReduce", x));
  }

  broadcast(x: Tensor, root: number): Tensor {
    return tensor(this.#say(`broadcast from ${root}`, x)[root].data, x.shape, x.dtype);
  }

  barrier(): void {
    this.#say("barrier", tensor([], [0]));
  }

  #gather(op: string, x: Tensor): Tensor {
    const all = this.#say(op, x);
    const values = new Float64Array(this.size * sizeOf(x.shape)); // holds float32 exactly
    all.forEach(({ data }, rank) => {
      values.set(data, rank * x.size);
    });
    return tensor(values, [this.size, ...x.shape], x.dtype);
  }

  #say(op: string, x: Tensor): readonly Said[] {
    const what = `${op} of ${x.dtype} ${show(x.shape)}`;
    const known = this.#record[this.calls++];
    if (!known) {
      this.said = { what, shape: x.shape, dtype: x.dtype, data: x.toArray() };
      throw PAUSED;
    }
    if (known[this.rank].what !== what) throw new Error(`lockstep: ${what}, but ${known[this.rank].what} before`);
    return known;
  }
}

/** Runs one program on every rank and returns the results, which must not be tensors: their memory is freed. */
export function lockstep<Result>(size: number, program: (comm: LockstepCommunicator) => Result): Result[] {
  const record: Said[][] = [];
  for (;;) {
    const results: Result[] = [];
    const said: (Said | undefined)[] = [];
    for (let rank = 0; rank < size; rank++) {
      const comm = new LockstepCommunicator(rank, size, record);
      try {
        results.push(scope(() => program(comm)));
      } catch (reason) {
        if (reason !== PAUSED) throw reason;
      }
      said.push(comm.said);
    }
    if (results.length === size) return results;
    const told = said.map((each) => each?.what ?? "the end of its program");
    const other = told.findIndex((what) => what !== told[0]);
    if (other > 0) throw new DesyncError(`lockstep: rank 0 is in ${told[0]}, rank ${other} in ${told[other]}`);
    record.push(said as Said[]);
  }
}
