/**
 * The expected results of a block of numbers, in f64 and rounded to f32.
 *
 * Most f32 numbers are so small or so large that a function has one f32 value on a whole block. If it is monotone on the block
 * and its values at both ends round to the same number, so do those in between, and two values suffice. That covers 85 % of
 * exp and makes the sweep affordable. Every result is still compared, bit by bit.
 */
import { Block, type Exact } from "./exact.ts";

/** Between these sizes gelu and its derivative have extrema; outside, all functions here are monotone on either side of 0. */
const MONOTONE = { upTo: 0.5, from: 4 };

export class Target {
  readonly rounded: Float32Array;
  readonly #exact: Float64Array;
  readonly #ends = new Block(new Float32Array(2));
  readonly #atEnds = new Float64Array(2);
  #fill: (() => void) | undefined; // the pending computation of #exact

  constructor(n: number) {
    this.rounded = new Float32Array(n);
    this.#exact = new Float64Array(n);
  }

  /** f on the block. */
  aim(f: Exact, block: Block): void {
    const fill = () => f(block, this.#exact);
    const value = this.#only(f, block.x);
    if (value === undefined) this.aimAt(fill);
    else {
      this.rounded.fill(value);
      this.#fill = fill;
    }
  }

  /** The values that `fill` writes. */
  aimAt(fill: (y: Float64Array) => void): void {
    fill(this.#exact);
    this.#fill = undefined;
    this.rounded.set(this.#exact);
  }

  /** The exact values. */
  readonly exact = (): Float64Array => {
    this.#fill?.();
    this.#fill = undefined;
    return this.#exact;
  };

  /** The f32 value of f on all of x, if the ends determine it. */
  #only(f: Exact, x: Float32Array): number | undefined {
    const ends = this.#ends;
    ends.x.set([x[0], x[x.length - 1]]);
    ends.renew();
    const [near, far] = [Math.abs(ends.x[0]), Math.abs(ends.x[1])];
    if (!(far <= MONOTONE.upTo || near >= MONOTONE.from)) return undefined;
    f(ends, this.#atEnds);
    const [first, last] = [Math.fround(this.#atEnds[0]), Math.fround(this.#atEnds[1])];
    return Object.is(first, last) ? first : undefined;
  }
}
