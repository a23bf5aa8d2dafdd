/** Inner products of rows of 8-bit codes. */
import type { Ptr } from "../ptr.ts";

export interface CodesKernels {
  /**
   * out[i] = Σₖ codes[i, k]·query[k], modulo 2³².
   *
   * codes [rows, cols] of 8 bits, query [cols] of 16 bits, out [rows] of 32 bits, all signed; cols is a multiple of 32, not 0.
   */
  dotCodes(rows: number, cols: number, codes: Ptr, query: Ptr, out: Ptr): void;
}
