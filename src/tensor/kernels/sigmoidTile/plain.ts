/**
 * One tile of the sigmoid loss, a pair at a time.
 *
 *     ℓ = t·s + b      negative pair: loss softplus(ℓ), G = σ(ℓ)      positive pair: loss softplus(−ℓ), G = −σ(−ℓ)
 */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import { sigmoid, softplus } from "../scalar/plain.ts";
import type { SigmoidTileKernels } from "./interface.ts";

export function plainSigmoidTile(heap: Heap, dtype: DType): SigmoidTileKernels {
  const bytes = BYTES[dtype];
  return {
    sigmoidTile(rows, cols, s, t, b, diagonal) {
      const H = heap[dtype];
      let loss = 0;
      let sum = 0;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < cols; j++) {
          const at = s / bytes + i * cols + j;
          const l = t * H[at] + b;
          const positive = j === diagonal + i;
          const g = positive ? -sigmoid(-l) : sigmoid(l); // σ(ℓ) − 1 = −σ(−ℓ), without cancellation
          loss += softplus(positive ? -l : l);
          sum += g;
          H[at] = g;
        }
      }
      return { loss, sum };
    },
  };
}
