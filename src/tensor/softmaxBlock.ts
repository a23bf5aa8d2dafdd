/**
 * A block of the softmax loss, tile by tile, in two passes: a gradient needs the normalizers of whole rows and columns, so these
 * are complete before the first gradient.
 *
 *     1   aᵢ = maxⱼ Sᵢⱼ,   Zᵢ = Σⱼ e^(t·(Sᵢⱼ − aᵢ)), over negatives          S = x·yᵀ; for columns likewise
 *     2   Gᵢⱼ = wᵢ·e^(t·(Sᵢⱼ − aᵢ)) + vⱼ·e^(t·(Sᵢⱼ − cⱼ)),   dx += G·y,   dy += Gᵀ·x
 *
 * The largest entry is that of the tiles so far; if a tile has a larger one, the sum is scaled to it. S is computed in both
 * passes, with the same bits: four products where the sigmoid loss has three, so 8·d floating-point operations a pair.
 *
 * x, dx [n, d]   y, dy [m, d]   tops, sums, weights of rows [n], of columns [m]
 */
import { checkSameType } from "./elementwise.ts";
import { BYTES, type DType, heap } from "./heap.ts";
import type { Ptr } from "./kernels/ptr.ts";
import { type BlockRule, maskTile } from "./pairRule.ts";
import { addTileGradients, checkBlock, eachPairTile, type PairTile } from "./pairTiles.ts";
import * as portable from "./portable.ts";
import { kernelsFor } from "./select/select.ts";
import { ShapeError, show } from "./shape.ts";
import { empty, full, type Tensor, zeros } from "./tensor.ts";

/** Running normalizers of rows or of columns: Σ e^(t·S) = sum·e^(t·top). */
export interface SoftmaxSums {
  /** The largest entries, in the dtype of the embeddings. */
  readonly tops: Tensor;
  /** In f64. */
  readonly sums: Tensor;
}

/** Normalizers before the first block. The lowest finite number, not −∞, so that an empty row has no ∞ − ∞. */
export const emptySoftmaxSums = (n: number, dtype: DType): SoftmaxSums => ({
  tops: full([n], dtype === "f32" ? -(2 - 2 ** -23) * 2 ** 127 : -Number.MAX_VALUE, dtype),
  sums: zeros([n], "f64"),
});

/** Pass 1: adds a block to the normalizers. `positives` is given if rows i of x and y match: it receives their Sᵢᵢ. `rule`: which pairs count. */
export function addSoftmaxSums(
  x: Tensor,
  y: Tensor,
  t: number,
  rows: SoftmaxSums,
  columns: SoftmaxSums,
  positives?: Tensor,
  rule?: BlockRule,
): void {
  checkBlock("addSoftmaxSums", x, y);
  checkTops("addSoftmaxSums", x, y, rows, columns);
  const { dtype } = x;
  const { softmaxTileTops, softmaxTileSums } = kernelsFor(dtype);
  const scale = Math.max(t, 2 ** -149); // not 0: −∞·0 would be NaN
  const [rowSums, colSums] = [rows, columns].map(({ tops }) => empty("addSoftmaxSums", tops.shape, dtype)); // of one tile
  eachPairTile("addSoftmaxSums", x, y, (tile) => {
    const { i, j, at } = tile;
    if (rule) maskTile(tile, rule, dtype);
    if (positives) {
      overDiagonal(tile, dtype, (s, k) => {
        positives.data[k] = s;
        return Number.NEGATIVE_INFINITY; // not a negative: adds nothing
      });
    }
    const sides = [part(rows, rowSums, i, tile.rows), part(columns, colSums, j, tile.cols)];
    const tops = [entry(rows.tops, i), entry(columns.tops, j)] as const;
    softmaxTileTops(tile.rows, tile.cols, at, ...tops);
    softmaxTileSums(tile.rows, tile.cols, at, scale, ...tops, entry(rowSums, i), entry(colSums, j));
    for (const { tops, sums, added, before } of sides) {
      for (let k = 0; k < before.length; k++) {
        if (tops[k] !== before[k]) sums[k] *= portable.exp(scale * (before[k] - tops[k]));
        sums[k] += added[k];
      }
    }
  });
}

/** The rows or columns of a tile: their normalizers, the tops before it, and its own sums. */
function part({ tops, sums }: SoftmaxSums, added: Tensor, first: number, count: number) {
  const of = ({ data }: Tensor): Float32Array | Float64Array => data.subarray(first, first + count);
  return { tops: of(tops), sums: of(sums), added: of(added), before: of(tops).slice() };
}

const entry = (of: Tensor, index: number): Ptr => of.address + index * BYTES[of.dtype];

/** What pass 2 needs of rows or of columns. No top is below an entry. */
export interface SoftmaxWeights {
  readonly tops: Tensor;
  readonly weights: Tensor;
}

/** Pass 2: adds the gradients of a block to `dx` and `dy`, without the factor t/B. `positives` holds their Gᵢᵢ. */
export function addSoftmaxGradients(
  x: Tensor,
  y: Tensor,
  t: number,
  rows: SoftmaxWeights,
  columns: SoftmaxWeights,
  dx: Tensor,
  dy: Tensor,
  positives?: Tensor,
  rule?: BlockRule,
): void {
  checkBlock("addSoftmaxGradients", x, y, dx, dy);
  checkTops("addSoftmaxGradients", x, y, rows, columns);
  const { dtype } = x;
  const { softmaxTileGrad } = kernelsFor(dtype);
  const scale = rule ? Math.max(t, 2 ** -149) : t; // not 0: −∞·0 would be NaN
  eachPairTile("addSoftmaxGradients", x, y, (tile) => {
    if (rule) maskTile(tile, rule, dtype);
    const tops = [entry(rows.tops, tile.i), entry(columns.tops, tile.j)] as const;
    const weights = [entry(rows.weights, tile.i), entry(columns.weights, tile.j)] as const;
    softmaxTileGrad(tile.rows, tile.cols, tile.at, scale, ...tops, ...weights);
    if (positives) overDiagonal(tile, dtype, (_, k) => positives.data[k]);
    addTileGradients(tile, x, y, dx, dy);
  });
}

type Tops = Pick<SoftmaxSums, "tops">;

function checkTops(op: string, x: Tensor, y: Tensor, rows: Tops, columns: Tops): void {
  for (const [{ tops }, of] of [
    [rows, x],
    [columns, y],
  ] as const) {
    if (tops.size !== of.shape[0]) throw new ShapeError(`${op}: tops ${show(tops.shape)} of ${of.shape[0]} rows`);
    checkSameType(op, of, tops);
  }
}

/** Replaces the entries of a tile on the diagonal of its block; entry k is that of row k of x and of y. */
function overDiagonal(
  { i, j, rows, cols, at }: PairTile,
  dtype: DType,
  change: (entry: number, k: number) => number,
): void {
  const numbers = heap[dtype];
  const end = Math.min(i + rows, j + cols);
  for (let k = Math.max(i, j); k < end; k++) {
    const place = at / BYTES[dtype] + (k - i) * cols + (k - j);
    numbers[place] = change(numbers[place], k);
  }
}
