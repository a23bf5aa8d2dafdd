/** Position embeddings: learned, or fixed sines and cosines of the two image coordinates (MoCo v3, arXiv:2104.02057). */
import type { Variable } from "../autograd/index.ts";
import { type DType, generate, portable, type Rng, ShapeError, type Tensor } from "../tensor/index.ts";
import { normal } from "./init.ts";

/** Normal(0, 1/D): [N, D]. */
export const learnedPositions = (rng: Rng, tokens: number, width: number, dtype: DType): Variable =>
  normal(rng, [tokens, width], 1 / Math.sqrt(width), dtype);

const LOG_10000 = portable.log(10_000);

/** [rows·cols, D]: sin(xω), cos(xω), sin(yω), cos(yω) with ω_k = 10000^(−k/(D/4−1)); x is the column, y the row. */
export function sincos2d(rows: number, cols: number, width: number, dtype: DType): Tensor {
  if (width % 4 !== 0 || width < 8) throw new ShapeError(`sincos2d: width must be 8, 12, 16, ..., not ${width}`);
  const quarter = width / 4;
  return generate(
    [rows * cols, width],
    (index) => {
      const token = Math.floor(index / width);
      const channel = index % width;
      const omega = portable.exp((-(channel % quarter) / (quarter - 1)) * LOG_10000);
      const position = channel < 2 * quarter ? token % cols : Math.floor(token / cols);
      const { cos, sin } = portable.cosSin((position * omega) / (2 * Math.PI));
      return Math.floor(channel / quarter) % 2 === 0 ? sin : cos;
    },
    dtype,
  );
}
