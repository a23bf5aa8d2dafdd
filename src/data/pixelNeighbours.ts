/**
 * The baseline without learning: nearest neighbour on pixels.
 *
 *   score(query, item) = − min over galleries |query − item|²      on 16 × 16 means of the pictures
 *
 * A trained model must beat it in an unseen style. Emoji with noto, twemoji and fluent as galleries and openmoji as queries, on
 * the model's input pixels: R@1 22.3 %, R@5 38.6 %, R@10 45.3 %; chance is 0.06 %. Softer pixels give the stronger baseline:
 * pictures scaled directly to 16 × 16 reach 19.8, 34.9, 41.7; untrimmed ones 9.8, 18.9, 23.8.
 */
import { add, matmul, maximum, mul, reshape, scope, sub, sum, type Tensor, tensor } from "../tensor/index.ts";
import { DataError, type PictureSet } from "./batches.ts";
import { resampleSquare } from "./resample.ts";

const SIDE = 16;

/** The small pictures of a set: [count, 16 · 16 · 3]. */
function shrunk({ count, side, pixels }: PictureSet): Tensor {
  const out = new Float32Array(count * SIDE * SIDE * 3);
  for (let i = 0; i < count; i++) out.set(cellMeans(pixels(i, i + 1), side), i * SIDE * SIDE * 3);
  return tensor(out, [count, SIDE * SIDE * 3]);
}

/** Means over the cells of a 16 × 16 grid. */
function cellMeans(picture: Float32Array, side: number): Float32Array {
  const cell = side / SIDE;
  // Cells that share pixels: use the filter of the renderer, as wide as a cell.
  if (!Number.isInteger(cell)) return resampleSquare(picture, side, side, 3, { left: 0, top: 0, side }, SIDE);
  const out = new Float32Array(SIDE * SIDE * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const to = (Math.floor(y / cell) * SIDE + Math.floor(x / cell)) * 3;
      const from = (y * side + x) * 3;
      for (let c = 0; c < 3; c++) out[to + c] += picture[from + c] / (cell * cell);
    }
  }
  return out;
}

/** Scores of every item for every query, [queries.count, items]; picture i of each gallery shows item i in another style. */
export function pixelNeighbours(queries: PictureSet, galleries: readonly PictureSet[]): Float32Array {
  const items = galleries[0].count;
  if (galleries.some(({ count }) => count !== items)) {
    const counts = galleries.map(({ count }) => count).join(", ");
    throw new DataError(`pixelNeighbours: galleries must show the same items, they hold ${counts} pictures`);
  }
  return scope(() => {
    const query = shrunk(queries);
    const scores = galleries.map((gallery) => {
      const item = shrunk(gallery);
      // −|q − i|² = 2·q·i − |q|² − |i|²
      const lengths = add(square(query), reshape(square(item), [1, items]));
      return sub(mul(matmul(query, item, { transposeB: true }), 2), lengths);
    });
    return Float32Array.from(scores.reduce(maximum).data);
  });
}

/** |row|² of every row, [rows, 1]. */
const square = (rows: Tensor): Tensor => sum(mul(rows, rows), { axis: 1, keepDims: true });
