/**
 * One step of AdamW.
 *
 *     g ← gradScale·g      m ← β₁·m + (1 − β₁)·g      v ← β₂·v + (1 − β₂)·g²
 *     p ← p − (lr·m̂ / (√v̂ + ε) + decay·p),      m̂ = m / correction1, v̂ = v / correction2
 *
 * Kingma & Ba 2015, arXiv:1412.6980; Loshchilov & Hutter 2019, arXiv:1711.05101.
 */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { AdamWKernels } from "./interface.ts";

export function plainAdamW(heap: Heap, dtype: DType): AdamWKernels {
  const bytes = BYTES[dtype];
  return {
    adamW(n, p, g, m, v, { lr, decay, beta1, beta2, eps, correction1, correction2, gradScale }) {
      const H = heap[dtype];
      const [P, G, M, V] = [p / bytes, g / bytes, m / bytes, v / bytes];
      for (let i = 0; i < n; i++) {
        const grad = H[G + i] * gradScale;
        H[M + i] = beta1 * H[M + i] + (1 - beta1) * grad;
        H[V + i] = beta2 * H[V + i] + (1 - beta2) * grad * grad;
        const direction = H[M + i] / correction1 / (Math.sqrt(H[V + i] / correction2) + eps);
        H[P + i] -= lr * direction + decay * H[P + i];
      }
    },
  };
}
