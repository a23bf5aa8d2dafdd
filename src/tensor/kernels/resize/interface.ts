/** An image resized along one axis in integers, as Pillow does it: weights are fixed-point numbers of 22 bits after the point. */
import type { Ptr } from "../ptr.ts";

/** Bits after the binary point of a weight: 32, less 8 of a byte and 2 for overshoots. */
export const WEIGHT_BITS = 22;

/** Output i is Σ weights[i · span + k] · input[first[i] + k] over k < count[i]. */
export interface FixedTaps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  /** The most taps of an output. */
  readonly span: number;
}

export interface ResizeKernels {
  /**
   * Bytes [rows, from, 3] → [rows, to, 3]: out = clamp((2²¹ + Σ weight · in) >> 22), sums modulo 2³². 16 bytes behind `x` may be
   * read.
   */
  resizeColumns(rows: number, from: number, taps: FixedTaps, x: Ptr, out: Ptr): void;
  /** Bytes [from, width] → [to, width], likewise; `width` + 16 bytes behind `x` may be read and 16 behind `out` written. */
  resizeRows(width: number, taps: FixedTaps, x: Ptr, out: Ptr): void;
}
