/**
 * A block of the sigmoid loss with its gradients in one pass, tile by tile.
 *
 *     S = x·yᵀ,   ℓ = t·S + b,   G = −z·σ(−z·ℓ) with labels z = ±1,   dx += G·y,   dy += Gᵀ·x
 *
 * A tile of S stays in the second-level cache: one product computes it, G overwrites it, and two more products read G.
 * 6·d floating-point operations a pair; memory of one tile. A row of dx sums along y, a row of dy along x.
 *
 * x [n, d]   y [m, d]
 */
import { addTileGradients, checkBlock, eachPairTile } from "./pairTiles.ts";
import { kernelsFor } from "./select/select.ts";
import type { Tensor } from "./tensor.ts";

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
  checkBlock("sigmoidBlock", x, y, dx, dy);
  const { sigmoidTile } = kernelsFor(x.dtype);
  let loss = 0;
  let sum = 0;
  eachPairTile("sigmoidBlock", x, y, (tile) => {
    const { i, j, rows, cols, at } = tile;
    const part = sigmoidTile(rows, cols, at, t, b, positives ? i - j : -rows);
    loss += part.loss;
    sum += part.sum;
    addTileGradients(tile, x, y, dx, dy);
  });
  return { loss, sum };
}
