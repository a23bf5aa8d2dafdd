/**
 * A block of the sigmoid loss with its gradients in one pass, tile by tile: no matrix of all pairs is stored.
 *
 *     S = x·yᵀ,   ℓ = t·S + b,   G = −z·σ(−z·ℓ) with labels z = ±1,   dx += G·y,   dy += Gᵀ·x
 *
 * A tile of S stays in the second-level cache: one product computes it, G overwrites it, and two more products read G.
 * 6·d floating-point operations a pair; memory of one tile. A band of rows of x meets all of y before the next band does, for
 * locality. The order of sums does not depend on the bands: a row of dx sums along y, a row of dy along x.
 *
 * x [n, d]   y [m, d]
 */

import { checkSameType } from "./elementwise.ts";
import { BYTES, heap } from "./heap.ts";
import { kernelsFor } from "./select/select.ts";
import { ShapeError, sameShape, show } from "./shape.ts";
import { empty, type Tensor } from "./tensor.ts";

// 192 · 240 floats are 180 KiB: a fifth of the second-level cache, which also holds the panels of the products. A row is 15 cache
// lines: an odd number, so that rows do not compete for the same cache sets, as those of 256 floats do.
const TILE_ROWS = 192;
const TILE_COLS = 240;
const BAND_ROWS = 4 * TILE_ROWS; // y and dy are read from memory once per band

/** Sums over the pairs of a block. */
export interface SigmoidBlock {
  /** Σ −log σ(z·ℓ). */
  readonly loss: number;
  /** Σ G. */
  readonly sum: number;
}

/** Adds the gradients of a block to `dx` and `dy`, without the factor t/B, and returns its sums. `positives`: rows i of x and y match. */
export function sigmoidBlock(
  x: Tensor,
  y: Tensor,
  t: number,
  b: number,
  positives: boolean,
  dx: Tensor,
  dy: Tensor,
): SigmoidBlock {
  const [n, d] = x.shape;
  const [m, other] = y.shape;
  if (d !== other || !sameShape(dx.shape, x.shape) || !sameShape(dy.shape, y.shape)) {
    throw new ShapeError(
      `sigmoidBlock: x ${show(x.shape)}, y ${show(y.shape)}, dx ${show(dx.shape)}, dy ${show(dy.shape)} do not fit`,
    );
  }
  for (const each of [y, dx, dy]) checkSameType("sigmoidBlock", x, each);
  const { gemm, sigmoidTile } = kernelsFor(x.dtype);
  const tile = empty("sigmoidBlock", [Math.min(n, TILE_ROWS), Math.min(m, TILE_COLS)], x.dtype).address;
  const row = (of: Tensor, i: number): number => of.address + i * d * BYTES[x.dtype];
  let loss = 0;
  let sum = 0;
  const oneTile = (i: number, j: number): void => {
    const rows = Math.min(TILE_ROWS, n - i);
    const cols = Math.min(TILE_COLS, m - j);
    const common = { accumulate: true, transB: false, ldb: d, ldc: d, n: d };
    gemm({ transA: false, transB: true, m: rows, n: cols, k: d, a: row(x, i), lda: d, b: row(y, j), ldb: d, c: tile, ldc: cols }); // biome-ignore format: a product a line
    const part = sigmoidTile(rows, cols, tile, t, b, positives ? i - j : -rows);
    loss += part.loss;
    sum += part.sum;
    gemm({ ...common, transA: false, m: rows, k: cols, a: tile, lda: cols, b: row(y, j), c: row(dx, i) });
    gemm({ ...common, transA: true, m: cols, k: rows, a: tile, lda: cols, b: row(x, i), c: row(dy, j) });
  };
  for (let band = 0; band < n; band += BAND_ROWS) {
    const end = Math.min(n, band + BAND_ROWS);
    for (let j = 0; j < m; j += TILE_COLS) {
      for (let i = band; i < end; i += TILE_ROWS) oneTile(i, j);
      heap.onWork?.();
    }
  }
  return { loss, sum };
}
