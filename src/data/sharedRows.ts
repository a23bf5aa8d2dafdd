/**
 * Batches in shared memory whose rows are drawn by the devices.
 *
 * In every step a device sometimes waits for a slower one; meanwhile it draws rows of the next batches, its own and others'. A
 * device that takes its rows draws those that are still missing: all of them if it never waits, as a single device.
 *
 * Step k lies in slot k mod slots. Most waits are short and a few are long; a single batch ahead would leave nothing to draw in
 * a long one. Each row of a slot has one word:
 *
 *   2·step + 1     a device has begun to draw it for this step
 *   2·step + 2     it is drawn
 *
 * A row is a pure function of (seed, step, row), and is drawn in private memory before it is copied here. So a device that takes
 * a row which another has begun does not wait but draws it too, and both write the same numbers: a device that dies in the middle
 * of a row blocks no other.
 *
 * All devices must synchronize between the last use of a batch and the next `take`. Then no device still needs the batch of step
 * k − 1 when another has taken that of step k and draws for step k − 1 + slots.
 */
import { heap } from "../tensor/index.ts";
import { type Batch, batchBytes, newBatch, newSharedBatch, type Pairs, type RowShape, rowsBetween } from "./batches.ts";

/** Shared rows as plain data that can be posted to devices. */
export interface SharedRows {
  readonly slots: readonly Batch[];
  /** For each slot, one word per row. */
  readonly words: readonly SharedArrayBuffer[];
}

/** Most batches at once; there are always two, the one in use and the next. */
const MOST_SLOTS = 8;
const MOST_BYTES = 2 ** 26; // of all slots together, if more than two

function slotsFor(batch: number, row: RowShape): number {
  const fitting = Math.floor(MOST_BYTES / batchBytes(batch, row));
  return Math.min(MOST_SLOTS, Math.max(2, fitting));
}

/** Bytes of all slots together. */
export const sharedRowsBytes = (batch: number, row: RowShape): number => slotsFor(batch, row) * batchBytes(batch, row);

/** Allocates shared rows. */
export function newSharedRows(batch: number, row: RowShape): SharedRows {
  const slots = Array.from({ length: slotsFor(batch, row) }, () => newSharedBatch(batch, row));
  return { slots, words: slots.map(() => new SharedArrayBuffer(4 * batch)) };
}

const begun = (step: number): number => 2 * step + 1;
const drawn = (step: number): number => 2 * step + 2;

interface RowDrawerOptions {
  readonly seed: number;
  /** This device's rows: first..end−1. */
  readonly first: number;
  readonly end: number;
  /** The number of steps: no batch from this one on is needed. */
  readonly steps: number;
}

/** One device's view of the shared rows. */
export class RowDrawer {
  readonly #slots: readonly { readonly words: Int32Array; readonly rows: readonly Batch[]; readonly own: Batch }[];
  readonly #pairs: Pairs;
  readonly #options: RowDrawerOptions;
  /** Private memory in which a row is drawn. */
  readonly #canvas: Batch;
  #taken: number | undefined;
  /** The step to help with, and how many of its rows, counted from this device's first, have been begun. */
  #next = { step: 0, seen: 0 };

  constructor({ words, slots }: SharedRows, pairs: Pairs, options: RowDrawerOptions) {
    const { first, end } = options;
    this.#pairs = pairs;
    this.#options = options;
    this.#canvas = newBatch(1, pairs);
    this.#slots = slots.map((batch, slot) => ({
      words: new Int32Array(words[slot]),
      rows: Array.from(batch.items, (_, row) => rowsBetween(batch, row, row + 1)),
      own: rowsBetween(batch, first, end),
    }));
  }

  /** This device's rows of the batch of a step; draws the missing ones. They stay valid until the next call. */
  take(step: number): Batch {
    const { words, own } = this.#slotOf(step);
    const { first, end } = this.#options;
    for (let row = first; row < end; row++) {
      if (Atomics.load(words, row) === drawn(step)) continue;
      this.#begins(step, row); // draw it even if another device has begun
      this.#draw(step, row);
    }
    this.#taken = step;
    if (this.#next.step <= step) this.#next = { step: step + 1, seen: 0 };
    return own;
  }

  /** Draws one row of a later batch than the one taken last; false if all of them have been begun. */
  help(): boolean {
    if (this.#taken === undefined) return false; // the next batch is not known yet
    const end = Math.min(this.#taken + this.#slots.length, this.#options.steps);
    for (; this.#next.step < end; this.#next = { step: this.#next.step + 1, seen: 0 }) {
      const { step } = this.#next;
      const rows = this.#slotOf(step).rows.length;
      while (this.#next.seen < rows) {
        const row = (this.#options.first + this.#next.seen++) % rows;
        if (!this.#begins(step, row)) continue;
        this.#draw(step, row);
        return true;
      }
    }
    return false;
  }

  #slotOf(step: number) {
    return this.#slots[step % this.#slots.length];
  }

  /** Claims a row for this device; false if it was claimed before. */
  #begins(step: number, row: number): boolean {
    const { words } = this.#slotOf(step);
    const before = Atomics.load(words, row);
    return before < begun(step) && Atomics.compareExchange(words, row, before, begun(step)) === before;
  }

  #draw(step: number, row: number): void {
    const { words, rows } = this.#slotOf(step);
    const { images, tokens, items } = this.#canvas;
    heap.onWork?.(); // all rows together may take longer than the deadline
    this.#pairs.batch(this.#options.seed, step, rows.length, this.#canvas, row);
    rows[row].images.set(images);
    rows[row].tokens.set(tokens);
    rows[row].items.set(items);
    Atomics.store(words, row, drawn(step));
  }
}
