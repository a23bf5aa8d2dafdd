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
import { BYTES, heap } from "./heap.ts";
import { type AddedPositive, type BlockRule, maskTile } from "./pairRule.ts";
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

/**
 * Adds the gradients of a block to `dx` and `dy`, without the factor t/B, and returns its sums. `positives`: rows i of x and y
 * match. `rule`: which pairs count.
 */
export function sigmoidBlock(
  x: Tensor,
  y: Tensor,
  t: number,
  b: number,
  positives: boolean,
  dx: Tensor,
  dy: Tensor,
  rule?: BlockRule,
): SigmoidBlock {
  checkBlock("sigmoidBlock", x, y, dx, dy);
  const { sigmoidTile } = kernelsFor(x.dtype);
  const scale = rule ? Math.max(t, 2 ** -149) : t; // not 0: −∞·0 would be NaN
  /** A masked pair as a tile of its own. */
  const addPositive = ({ place, s }: AddedPositive): SigmoidBlock => {
    heap[x.dtype][place] = s;
    return sigmoidTile(1, 1, place * BYTES[x.dtype], scale, b, 0);
  };
  let loss = 0;
  let sum = 0;
  eachPairTile("sigmoidBlock", x, y, (tile) => {
    const { i, j, rows, cols, at } = tile;
    const added = rule ? maskTile(tile, rule, x.dtype) : [];
    const part = sigmoidTile(rows, cols, at, scale, b, positives ? i - j : -rows);
    loss += part.loss;
    sum += part.sum;
    for (const positive of added) {
      const single = addPositive(positive);
      loss += single.loss;
      sum += single.sum;
    }
    addTileGradients(tile, x, y, dx, dy);
  });
  return { loss, sum };
}
