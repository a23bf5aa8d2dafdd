/**
 * Batches in shared memory whose rows are drawn by whichever device has nothing else to do.
 *
 * Where devices take all cores there is none left for a thread that prepares batches. But in every step a device waits now and
 * then for a slower one, and in that time it draws rows of the batches to come, its own and others'. What is still missing
 * when a device takes its rows it draws then.
 *
 * Step k lies in slot k mod slots. Waits are rarely long, but then they are: so there are more slots than two. A row of a slot
 * has one word:
 *
 *   2·step + 1     somebody has begun to draw it for this step
 *   2·step + 2     it is drawn
 *
 * A row is a pure function of (seed, step, row). So whoever takes a row that another has begun does not wait for it, but draws
 * it too, and both write the same bits: a device that dies in the middle of a row holds nobody up.
 *
 * After the last use of a batch devices must meet, all with all, before they take the next one. Then none can still need that of
 * step k − 1 while another has taken that of step k, and draws for step k − 1 + slots.
 */
import { type Batch, type Pairs, rowsBetween } from "./batches.ts";

/** What devices are given to share rows: plain data that can be posted. */
export interface SharedRows {
  readonly slots: readonly Batch[];
  /** Of each slot, a word a row. */
  readonly words: readonly SharedArrayBuffer[];
}

export interface SharedRowsLayout {
  readonly batch: number;
  readonly side: number;
  readonly length: number;
}

/** Batches at once: the one in use and those to come, at least one, more where they are small. */
const MOST_SLOTS = 8;
const MOST_BYTES = 2 ** 26;

export function newSharedRows({ batch, side, length }: SharedRowsLayout): SharedRows {
  const bytes = 4 * batch * (side * side * 3 + length);
  const count = Math.min(MOST_SLOTS, Math.max(2, Math.floor(MOST_BYTES / bytes)));
  const slots = <T>(make: () => T): T[] => Array.from({ length: count }, make);
  return {
    slots: slots(() => ({
      pixels: new Float32Array(new SharedArrayBuffer(4 * batch * side * side * 3)),
      tokens: new Int32Array(new SharedArrayBuffer(4 * batch * length)),
      items: new Int32Array(new SharedArrayBuffer(4 * batch)),
    })),
    words: slots(() => new SharedArrayBuffer(4 * batch)),
  };
}

const begun = (step: number): number => 2 * step + 1;
const drawn = (step: number): number => 2 * step + 2;

export interface RowDrawerOptions {
  readonly seed: number;
  /** This device's rows: first..end−1. */
  readonly first: number;
  readonly end: number;
}

/** One device's view of the shared rows. */
export class RowDrawer {
  readonly #slots: readonly { readonly words: Int32Array; readonly rows: readonly Batch[]; readonly own: Batch }[];
  readonly #pairs: Pairs;
  readonly #options: RowDrawerOptions;
  #taken: number | undefined;
  /** The step to draw for when there is time, and how many of its rows, counted from the own ones, are known to be begun. */
  #next = { step: 0, seen: 0 };

  constructor({ words, slots }: SharedRows, pairs: Pairs, options: RowDrawerOptions) {
    const { first, end } = options;
    this.#pairs = pairs;
    this.#options = options;
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
      if (Atomics.load(words, row) !== drawn(step)) this.#draw(step, row);
    }
    this.#taken = step;
    if (this.#next.step <= step) this.#next = { step: step + 1, seen: 0 };
    return own;
  }

  /** Draws one row of a batch that comes after the one taken last; false where there is none that nobody has begun. */
  help(): boolean {
    if (this.#taken === undefined) return false; // it is not known which batch comes next
    for (; this.#next.step < this.#taken + this.#slots.length; this.#next = { step: this.#next.step + 1, seen: 0 }) {
      const { step } = this.#next;
      const { words } = this.#slotOf(step);
      while (this.#next.seen < words.length) {
        const row = (this.#options.first + this.#next.seen++) % words.length;
        const before = Atomics.load(words, row);
        if (before >= begun(step) || Atomics.compareExchange(words, row, before, begun(step)) !== before) continue;
        this.#draw(step, row);
        return true;
      }
    }
    return false;
  }

  #slotOf(step: number) {
    return this.#slots[step % this.#slots.length];
  }

  #draw(step: number, row: number): void {
    const { words, rows } = this.#slotOf(step);
    this.#pairs.batch(this.#options.seed, step, words.length, rows[row], row);
    Atomics.store(words, row, drawn(step));
  }
}
