/**
 * Tiles of a matrix of pairs [n, m], and the products of the losses with a tile: no matrix of all pairs is stored.
 *
 * x, dx [n, d]   y, dy [m, d]
 */
import { checkSameType } from "./elementwise.ts";
import { countProducts } from "./flops.ts";
import { BYTES, heap } from "./heap.ts";
import type { Ptr } from "./kernels/ptr.ts";
import { kernelsFor } from "./select/select.ts";
import { ShapeError, sameShape, show } from "./shape.ts";
import { empty, type Tensor } from "./tensor.ts";

// 192 · 240 floats are 180 KiB: a fifth of the second-level cache, which also holds the panels of the products. A row is 15 cache
// lines: an odd number, so that rows do not compete for the same cache sets, as those of 256 floats do.
const TILE_ROWS = 192;
const TILE_COLS = 240;
const BAND_ROWS = 4 * TILE_ROWS; // y and dy are read from memory once per band

/** A tile: pairs of rows i..i+rows−1 of x with rows j..j+cols−1 of y. */
export interface PairTile {
  readonly i: number;
  readonly j: number;
  readonly rows: number;
  readonly cols: number;
  /** [rows, cols], S = x·yᵀ at first. */
  readonly at: Ptr;
}

/**
 * Computes S = x·yᵀ tile by tile and calls `visit` for each. A band of rows of x meets all of y before the next band does, for
 * locality. A row of x meets the tiles along y in order, and a row of y those along x, whatever the bands.
 */
export function eachPairTile(op: string, x: Tensor, y: Tensor, visit: (tile: PairTile) => void): void {
  const [n, d] = x.shape;
  const [m] = y.shape;
  const { gemm } = kernelsFor(x.dtype);
  const at = empty(op, [Math.min(n, TILE_ROWS), Math.min(m, TILE_COLS)], x.dtype).address;
  for (let band = 0; band < n; band += BAND_ROWS) {
    const end = Math.min(n, band + BAND_ROWS);
    for (let j = 0; j < m; j += TILE_COLS) {
      for (let i = band; i < end; i += TILE_ROWS) {
        const [rows, cols] = [Math.min(TILE_ROWS, n - i), Math.min(TILE_COLS, m - j)];
        countProducts(1, rows, cols, d);
        gemm({ transA: false, transB: true, m: rows, n: cols, k: d, a: rowOf(x, i), lda: d, b: rowOf(y, j), ldb: d, c: at, ldc: cols }); // biome-ignore format: a product a line
        visit({ i, j, rows, cols, at });
      }
      heap.onWork?.();
    }
  }
}

/** dx += G·y and dy += Gᵀ·x, for a tile that holds G. */
export function addTileGradients(
  { i, j, rows, cols, at }: PairTile,
  x: Tensor,
  y: Tensor,
  dx: Tensor,
  dy: Tensor,
): void {
  const d = x.shape[1];
  const { gemm } = kernelsFor(x.dtype);
  const common = { accumulate: true, transB: false, a: at, lda: cols, ldb: d, ldc: d, n: d };
  countProducts(2, rows, cols, d);
  gemm({ ...common, transA: false, m: rows, k: cols, b: rowOf(y, j), c: rowOf(dx, i) });
  gemm({ ...common, transA: true, m: cols, k: rows, b: rowOf(x, i), c: rowOf(dy, j) });
}

const rowOf = (x: Tensor, i: number): Ptr => x.address + i * x.shape[1] * BYTES[x.dtype];

/** Throws `ShapeError` unless x and y are matrices of one width and type, and dx and dy have their shapes. */
export function checkBlock(op: string, x: Tensor, y: Tensor, dx: Tensor = x, dy: Tensor = y): void {
  if (x.shape[1] !== y.shape[1] || !sameShape(dx.shape, x.shape) || !sameShape(dy.shape, y.shape)) {
    throw new ShapeError(
      `${op}: x ${show(x.shape)}, y ${show(y.shape)}, dx ${show(dx.shape)}, dy ${show(dy.shape)} do not fit`,
    );
  }
  for (const each of [y, dx, dy]) checkSameType(op, x, each);
}
