/** What all devices do next. Rank 0 decides, since it alone hears the page, and tells the others as numbers. */
import type { Communicator } from "../../src/parallel/index.ts";
import { scope, tensor } from "../../src/tensor/index.ts";

const KINDS = ["step", "evaluate", "search"] as const;
/** Characters of a search; more are cut. */
export const MOST_LETTERS = 100;

/** An order to all devices. */
export interface Order {
  readonly kind: (typeof KINDS)[number];
  /** Factor of the learning rate of t′ in this step. */
  readonly rateOfT: number;
  /** Sets the bias before this step. */
  readonly b?: number;
  /** The words of a search. */
  readonly words?: string;
}

/** An order as numbers: kind, rate, whether b is set, b, letters of the words. */
export function encode({ kind, rateOfT, b, words = "" }: Order): number[] {
  const letters = Array.from({ length: MOST_LETTERS }, (_, i) => (i < words.length ? words.charCodeAt(i) : 0));
  return [KINDS.indexOf(kind), rateOfT, b === undefined ? 0 : 1, b ?? 0, ...letters];
}

/** The order of such numbers. */
export function decode([kind, rateOfT, hasB, b, ...letters]: readonly number[]): Order {
  const words = String.fromCharCode(...letters.filter((letter) => letter > 0));
  return { kind: KINDS[kind], rateOfT, ...(hasB ? { b } : {}), ...(words === "" ? {} : { words }) };
}

/** The order of rank 0, on every rank. */
export function agree(comm: Communicator, order: Order | undefined): Order {
  const length = 4 + MOST_LETTERS;
  const numbers = order ? encode(order) : new Array<number>(length).fill(0);
  return scope(() => decode(Array.from(comm.broadcast(tensor(numbers, [length], "f64"), 0).data)));
}
