/**
 * Learned position embeddings of one grid of patches, resampled to another: for images of another size or shape.
 *
 *   out = A·table·Bᵀ for every channel; A [rows′, rows] and B [cols′, cols] hold the weights of a filter
 *
 * Rules of the public implementations, in the words of `torch.nn.functional.interpolate`:
 *
 *   zoom                   bilinear, the outermost centres of both grids coincide (`scipy.ndimage.zoom`, order 1)  big_vision
 *   bilinear               half-pixel centres                                                                      timm
 *   bicubic                half-pixel centres, a = −0.75                                                           Hugging Face
 *   bicubic, antialias     as Pillow: a = −0.5, the filter as wide as the step of a smaller grid                   open_clip
 */
import { matmul, reshape, ShapeError, show, type Tensor, tensor } from "../tensor/index.ts";

/** Rows and columns of patches. */
export type Grid = readonly [rows: number, cols: number];

/** The rule of `resamplePositions`. */
export type Resampling =
  | { readonly rule: "zoom" }
  | { readonly rule: "bilinear" | "bicubic"; readonly antialias?: boolean };

/** The positions of grid `to` from those of grid `from`.   table [rows·cols, D] → [rows′·cols′, D]. Throws `ShapeError`. */
export function resamplePositions(table: Tensor, from: Grid, to: Grid, resampling: Resampling): Tensor {
  const [[rows, cols], [newRows, newCols]] = [from, to];
  const sides = [...from, ...to];
  if (table.shape.length !== 2 || table.shape[0] !== rows * cols || !sides.every((n) => Number.isInteger(n) && n > 0)) {
    throw new ShapeError(
      `resamplePositions: a table ${show(table.shape)} of a grid ${show(from)}, to ${show(to)}; the table must be [rows·cols, width], and sides integers of at least 1`,
    );
  }
  const width = table.shape[1];
  const weights = (old: number, side: number): Tensor =>
    tensor(
      Array.from({ length: side }, (_, i) => weightsOf(i, old, side, resampling)).flat(),
      [side, old],
      table.dtype,
    );
  const tall = matmul(weights(rows, newRows), reshape(table, [rows, cols * width])); // [rows′, cols·D]
  const both = matmul(weights(cols, newCols), reshape(tall, [newRows, cols, width])); // [rows′, cols′, D]
  return reshape(both, [newRows * newCols, width]);
}

/** The weights of the `old` entries of an axis in entry i of `side` new ones; their sum is 1. */
function weightsOf(i: number, old: number, side: number, resampling: Resampling): number[] {
  const weights = new Array<number>(old).fill(0);
  const step = old / side;
  const centre = (i + 0.5) * step - 0.5;
  if (resampling.rule !== "zoom" && resampling.antialias) {
    const filter = resampling.rule === "bicubic" ? cubic(-0.5) : triangle;
    const found = weights.map((_, j) => filter((j - centre) / Math.max(step, 1)));
    const sum = found.reduce((a, b) => a + b, 0); // the filter ends at the edge
    return found.map((weight) => weight / sum);
  }
  const filter = resampling.rule === "bicubic" ? cubic(-0.75) : triangle;
  const at = resampling.rule !== "zoom" ? centre : side === 1 ? 0 : (i * (old - 1)) / (side - 1);
  for (let j = Math.floor(at) - 1; j <= Math.floor(at) + 2; j++) {
    weights[Math.min(Math.max(j, 0), old - 1)] += filter(j - at); // the entry at the edge stands for those beyond it
  }
  return weights;
}

const triangle = (x: number): number => Math.max(0, 1 - Math.abs(x));

/** Cubic convolution with slope `a` at 1 (Keys 1981). */
const cubic =
  (a: number) =>
  (x: number): number => {
    const d = Math.abs(x);
    if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? a * (((d - 5) * d + 8) * d - 4) : 0;
  };
