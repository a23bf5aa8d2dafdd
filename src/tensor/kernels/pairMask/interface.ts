/** Which pairs of a tile count: entries that do not become −∞, whose sigmoid loss, softmax and gradient are exactly 0. */
import type { Ptr } from "../ptr.ts";

export interface PairMaskKernels {
  /** An entry stays where sign·s ≥ least and becomes −∞ elsewhere, also where it is NaN.   s [n], sign ±1 */
  keepAtLeast(n: number, s: Ptr, sign: number, least: number): void;
  /** The same where sign·s > least. */
  keepAbove(n: number, s: Ptr, sign: number, least: number): void;
  /**
   * An entry stays where mix(rowKeys[i] ⊕ colKeys[j]) ≤ most and becomes −∞ elsewhere.
   *
   * s [rows, cols]; keys are 32-bit words, [rows] and [cols]; `mix` is that of mix.ts; `most` is unsigned.
   */
  keepRandom(rows: number, cols: number, s: Ptr, rowKeys: Ptr, colKeys: Ptr, most: number): void;
  /**
   * Counts the entries with sign·s > high, and writes the places of those with low ≤ sign·s ≤ high, in order, to `found`, which
   * has room for n words. NaN is neither.   s [n], sign ±1
   */
  findBetween(
    n: number, s: Ptr, sign: number, low: number, high: number, found: Ptr,
  ): { above: number; count: number }; // biome-ignore format: a line
}
