/**
 * Patch dropout: in training, an image is encoded from a random share of its patches. FLIP, Li et al. 2022, arXiv:2212.00794.
 *
 * The patches are dropped before they are embedded, so the whole tower computes only on those that stay.
 */
import type { Rng } from "../tensor/index.ts";

/** Patches that stay of N: N·(1 − dropout), rounded, and at least one. */
export const keptCount = (patches: number, dropout: number): number => Math.max(1, Math.round(patches * (1 - dropout)));

/**
 * The patches that stay of each row of a batch, in ascending order: `count` rows from row `first` on, K numbers each.
 *
 * Those of a row depend on `rng` and the number of the row alone, so they do not depend on how the batch is cut.
 */
export function drawPatches(
  rng: Rng,
  rows: { readonly first: number; readonly count: number },
  patches: number,
  dropout: number,
): Int32Array {
  const kept = keptCount(patches, dropout);
  const out = new Int32Array(rows.count * kept);
  for (let row = 0; row < rows.count; row++) {
    const chosen = rng
      .split(rows.first + row)
      .permutation(patches)
      .subarray(0, kept)
      .sort();
    out.set(chosen, row * kept);
  }
  return out;
}
