/** Rows as 8-bit codes, and inner products of them. `cols` is a multiple of 32, not 0. */
import type { Ptr } from "../ptr.ts";

export interface CodesKernels {
  /**
   * With y = x − centre:   scale[i] = maxₖ |y[i, k]| / 127   codes[i, k] = y[i, k] / scale[i], the nearest integer
   *                        error[i] = ‖y[i] − scale[i]·codes[i]‖   length[i] = ‖y[i]‖
   *
   * x [rows, cols] and centre [cols] f32, codes [rows, cols] of 8 bits, the others [rows] f64. Where y is 0 so are the codes; a row
   * with NaN has an error of NaN.
   */
  encodeRows(
    rows: number, cols: number, x: Ptr, centre: Ptr, codes: Ptr, scale: Ptr, error: Ptr, length: Ptr,
  ): void; // biome-ignore format: a line
  /**
   * out[i] = Σₖ codes[i, k]·query[k], modulo 2³².
   *
   * codes [rows, cols] of 8 bits, query [cols] of 16 bits, out [rows] of 32 bits, all signed.
   */
  dotCodes(rows: number, cols: number, codes: Ptr, query: Ptr, out: Ptr): void;
}
