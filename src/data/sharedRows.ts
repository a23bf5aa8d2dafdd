/**
 * Batches in shared memory whose rows are drawn by whichever device has nothing else to do.
 *
 * Where devices take all cores there is none left for a thread that prepares batches. But in every step a device waits now and
 * then for a slower one, and in that time it draws rows of the batches to come, its own and others'. What is still missing
 * when a device takes its rows, it draws then.
 *
 * Step k lies in slot k mod slots. Most waits are short, a few are long: with one batch ahead there would be nothing left to
 * draw in a long one. A row of a slot has one word:
 *
 *   2·step + 1     somebody has begun to draw it for this step
 *   2·step + 2     it is drawn
 *
 * A row is a pure function of (seed, step, row), and is drawn elsewhere before its numbers are copied here. So whoever takes a
 * row that another has begun does not wait for it, but draws it too, and both write the same numbers over each other: a device
 * that dies in the middle of a row holds nobody up.
 *
 * After the last use of a batch devices must meet, all with all, before they take the next one. Then none can still need that of
 * step k − 1 while another has taken that of step k, and draws for step k − 1 + slots.
 */
import { type Batch, batchBytes, newBatch, newSharedBatch, type Pairs, rowsBetween } from "./batches.ts";

/** What devices are given to share rows: plain data that can be posted. */
export interface SharedRows {
  readonly slots: readonly Batch[];
  /** Of each slot, a word a row. */
  readonly words: readonly SharedArrayBuffer[];
}

/** Batches at once: the one in use and at least one to come, more where that takes little memory. */
const MOST_SLOTS = 8;
const MOST_BYTES = 2 ** 26; // of all slots together, unless there are two

function slotsFor(batch: number, side: number, length: number): number {
  const fitting = Math.floor(MOST_BYTES / batchBytes(batch, side, length));
  return Math.min(MOST_SLOTS, Math.max(2, fitting));
}

/** Bytes of all slots together. */
export const sharedRowsBytes = (batch: number, side: number, length: number): number =>
  slotsFor(batch, side, length) * batchBytes(batch, side, length);

export function newSharedRows(batch: number, side: number, length: number): SharedRows {
  const slots = Array.from({ length: slotsFor(batch, side, length) }, () => newSharedBatch(batch, side, length));
  return { slots, words: slots.map(() => new SharedArrayBuffer(4 * batch)) };
}

const begun = (step: number): number => 2 * step + 1;
const drawn = (step: number): number => 2 * step + 2;

interface RowDrawerOptions {
  readonly seed: number;
  /** This device's rows: first..end−1. */
  readonly first: number;
  readonly end: number;
  /** Nobody needs the batch of this step, or of a later one. */
  readonly steps: number;
}

/** One device's view of the shared rows. */
export class RowDrawer {
  readonly #slots: readonly { readonly words: Int32Array; readonly rows: readonly Batch[]; readonly own: Batch }[];
  readonly #pairs: Pairs;
  readonly #options: RowDrawerOptions;
  /** Where a row is drawn, before others can see it. */
  readonly #canvas: Batch;
  #taken: number | undefined;
  /** The step to draw for when there is time, and how many of its rows, counted from the own ones, are known to be begun. */
  #next = { step: 0, seen: 0 };

  constructor({ words, slots }: SharedRows, pairs: Pairs, options: RowDrawerOptions) {
    const { first, end } = options;
    this.#pairs = pairs;
    this.#options = options;
    this.#canvas = newBatch(1, pairs.side, pairs.length);
    this.#slots = slots.map((batch, slot) => ({
      words: new Int32Array(words[slot]),
      rows: Array.from(batch.items, (_, row) => rowsBetween(batch, row, row + 1)),
      own: rowsBetween(batch, first, end),
    }));
  }

  /** This device's rows of the batch of a step, drawn as far as they are not; they stay until the next call. */
  take(step: number): Batch {
    const { words, own } = this.#slotOf(step);
    const { first, end } = this.#options;
    for (let row = first; row < end; row++) {
      if (Atomics.load(words, row) === drawn(step)) continue;
      this.#begins(step, row); // or another does: it is drawn either way
      this.#draw(step, row);
    }
    this.#taken = step;
    if (this.#next.step <= step) this.#next = { step: step + 1, seen: 0 };
    return own;
  }

  /** Draws one row of a batch that comes after the one taken last; false where there is none that nobody has begun. */
  help(): boolean {
    if (this.#taken === undefined) return false; // it is not known which batch comes next
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

  /** Says that this device draws a row, unless somebody has said so before. */
  #begins(step: number, row: number): boolean {
    const { words } = this.#slotOf(step);
    const before = Atomics.load(words, row);
    return before < begun(step) && Atomics.compareExchange(words, row, before, begun(step)) === before;
  }

  #draw(step: number, row: number): void {
    const { words, rows } = this.#slotOf(step);
    const { pixels, tokens, items } = this.#canvas;
    this.#pairs.batch(this.#options.seed, step, rows.length, this.#canvas, row);
    rows[row].pixels.set(pixels);
    rows[row].tokens.set(tokens);
    rows[row].items.set(items);
    Atomics.store(words, row, drawn(step));
  }
}
