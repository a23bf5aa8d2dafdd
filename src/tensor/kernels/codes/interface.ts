/** Rows as 8-bit codes, and inner products of them. `cols` is a multiple of 32, not 0. */
import type { Ptr } from "../ptr.ts";

export interface CodesKernels {
  /**
   * scale[i] = maxₖ |x[i, k]| / 127   codes[i, k] = x[i, k] / scale[i], the nearest integer
   * error[i] = ‖x[i] − scale[i]·codes[i]‖   length[i] = ‖x[i]‖
   *
   * x [rows, cols] f32, codes [rows, cols] of 8 bits, the others [rows] f64. A zero row has codes of 0; a row with NaN has an error of
   * NaN.
   */
  encodeRows(rows: number, cols: number, x: Ptr, codes: Ptr, scale: Ptr, error: Ptr, length: Ptr): void;
  /**
   * out[i] = Σₖ codes[i, k]·query[k], modulo 2³².
   *
   * codes [rows, cols] of 8 bits, query [cols] of 16 bits, out [rows] of 32 bits, all signed.
   */
  dotCodes(rows: number, cols: number, codes: Ptr, query: Ptr, out: Ptr): void;
}
