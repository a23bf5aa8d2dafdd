/** The sigmoid loss of a tile of pairs, with its gradient. */
import type { Ptr } from "../ptr.ts";

export interface SigmoidTileKernels {
  /**
   * One tile of the sigmoid loss, in place: s [rows, cols] holds ⟨xᵢ, yⱼ⟩ and is overwritten with G = −z·σ(−z·ℓ), where
   * ℓ = t·s + b and the label z is +1 at column `diagonal` + i of row i (which may lie outside) and −1 elsewhere.
   * `loss` is Σ −log σ(±ℓ), `sum` is Σ G; both accumulate in f64.
   */
  sigmoidTile(
    rows: number, cols: number, s: Ptr, t: number, b: number, diagonal: number,
  ): { loss: number; sum: number }; // biome-ignore format: a line
}
