/**
 * One step of Lion.
 *
 *     g ← gradScale·g      p ← p − (lr·sign(β₁·m + (1 − β₁)·g) + decay·p)      m ← β₂·m + (1 − β₂)·g,      sign(0) = 0
 *
 * Chen et al. 2023, arXiv:2302.06675.
 */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { LionKernels } from "./interface.ts";

export function plainLion(heap: Heap, dtype: DType): LionKernels {
  const bytes = BYTES[dtype];
  return {
    lion(n, p, g, m, { lr, decay, beta1, beta2, gradScale }) {
      const H = heap[dtype];
      const [P, G, M] = [p / bytes, g / bytes, m / bytes];
      for (let i = 0; i < n; i++) {
        const grad = H[G + i] * gradScale;
        const direction = Math.sign(beta1 * H[M + i] + (1 - beta1) * grad);
        H[P + i] -= lr * direction + decay * H[P + i];
        H[M + i] = beta2 * H[M + i] + (1 - beta2) * grad;
      }
    },
  };
}
