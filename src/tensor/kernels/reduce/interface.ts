/** Sums and maxima: of a block, along the rows of a matrix, over its rows. */
import type { Ptr } from "../ptr.ts";

export interface ReduceKernels {
  /** Sums accumulate in f64. */
  sum(n: number, x: Ptr): number;
  sumSquares(n: number, x: Ptr): number;
  /** out[j] = Σ_i x[i, j]. */
  sumOverRows(rows: number, cols: number, x: Ptr, out: Ptr): void;
  /** out[i] = Σ_j x[i, j]. */
  sumAlongRows(rows: number, cols: number, x: Ptr, out: Ptr): void;
  maxAlongRows(rows: number, cols: number, x: Ptr, out: Ptr): void;
}
