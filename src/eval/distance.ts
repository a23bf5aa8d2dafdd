/**
 * Nearest neighbours by distance, as retrieval by inner product. It is the yardstick of the results: pictures compared pixel
 * by pixel, a training picture standing in for the text.
 *
 *   x' = [x, −‖x‖²/2, 1]   y' = [y, 1, −‖y‖²/2]   x'·y' = −‖x − y‖²/2
 *
 * x [N, d]   y [M, d]   x' [N, d + 2]   y' [M, d + 2]
 */
import { rowsOf } from "./embeddings.ts";

/** Embeddings of `x` and `y` whose scores rank a pair the higher the closer it is. Exact for pixels 0..255. */
export function byDistance(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  d: number,
): { readonly x: Float64Array; readonly y: Float64Array } {
  return { x: lift(Float64Array.from(x), d, 0), y: lift(Float64Array.from(y), d, 1) };
}

/** Rows with two numbers more: −‖row‖²/2 in the extra column `at`, 1 in the other. */
function lift(z: Float64Array, d: number, at: 0 | 1): Float64Array {
  const rows = rowsOf("byDistance", "input", z, d);
  const out = new Float64Array(rows * (d + 2));
  for (let i = 0; i < rows; i++) {
    const row = z.subarray(i * d, (i + 1) * d);
    const start = i * (d + 2);
    out.set(row, start);
    out[start + d + at] = -row.reduce((sum, v) => sum + v * v, 0) / 2;
    out[start + d + 1 - at] = 1;
  }
  return out;
}
