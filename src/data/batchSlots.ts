/**
 * Batches in shared memory: one thread fills them ahead, any number of readers take them in order.
 *
 * The slots form a ring: step k lies in slot k mod slots. Counters of two kinds record progress; each has one writer, which wakes
 * the threads that wait for it:
 *
 *   filled       the writer has filled all steps below this
 *   taken[r]     reader r no longer needs steps below this
 *
 * A slot is refilled when every reader has passed it.
 */
import { type Batch, newSharedBatch } from "./batches.ts";

/** Shared batches as plain data that can be posted to threads. */
export interface BatchSlots {
  readonly control: SharedArrayBuffer;
  readonly slots: readonly Batch[];
  readonly readers: number;
}

const FILLED = 0;
const TAKEN = 1; // the first of one word per reader
/** Longest sleep, so that a reader notices when the writer has ended. */
const SLICE_MS = 100;

interface Layout {
  readonly batch: number;
  readonly side: number;
  readonly length: number;
}

/** Allocates slots; `first` is the first step. */
export function batchSlots({ batch, side, length }: Layout, slots: number, readers: number, first: number): BatchSlots {
  const control = new SharedArrayBuffer(4 * (TAKEN + readers));
  new Int32Array(control).fill(first);
  return {
    control,
    readers,
    slots: Array.from({ length: slots }, () => newSharedBatch(batch, side, length)),
  };
}

/** Sleeps until the word is at least `value`; `idle` is called before each sleep and may throw to give up. */
function untilAtLeast(words: Int32Array, word: number, value: number, idle: () => void): void {
  for (;;) {
    const seen = Atomics.load(words, word);
    if (seen >= value) return;
    idle();
    Atomics.wait(words, word, seen, SLICE_MS);
  }
}

/** Fills slots, step by step from `first`, and never returns: another thread must terminate this one. */
export function fillSlots(
  { control, slots, readers }: BatchSlots,
  first: number,
  make: (step: number, into: Batch) => void,
): never {
  const words = new Int32Array(control);
  for (let step = first; ; step++) {
    for (let reader = 0; reader < readers; reader++)
      untilAtLeast(words, TAKEN + reader, step - slots.length + 1, () => {});
    make(step, slots[step % slots.length]);
    Atomics.store(words, FILLED, step + 1);
    Atomics.notify(words, FILLED);
  }
}

/** Takes batches in order, as one of the readers. */
export class BatchReader {
  readonly #words: Int32Array;
  readonly #slots: BatchSlots;
  readonly #word: number;

  constructor(slots: BatchSlots, reader: number) {
    this.#words = new Int32Array(slots.control);
    this.#slots = slots;
    this.#word = TAKEN + reader;
  }

  /**
   * Waits for the batch of a step, which stays valid until the next call. Steps must not decrease. `idle` is called during the
   * wait and may throw to give up.
   */
  take(step: number, idle: () => void = () => {}): Batch {
    Atomics.store(this.#words, this.#word, step);
    Atomics.notify(this.#words, this.#word);
    untilAtLeast(this.#words, FILLED, step + 1, idle);
    return this.#slots.slots[step % this.#slots.slots.length];
  }
}
