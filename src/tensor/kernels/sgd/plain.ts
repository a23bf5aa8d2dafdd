/**
 * One step of gradient descent with momentum μ.
 *
 *     g ← gradScale·g      m ← μ·m + g      u = m, or g + μ·m (Nesterov)      p ← p − (lr·u + decay·p)
 *
 * Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning".
 */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { SgdKernels } from "./interface.ts";

export function plainSgd(heap: Heap, dtype: DType): SgdKernels {
  const bytes = BYTES[dtype];
  return {
    sgd(n, p, g, m, { lr, decay, momentum, nesterov, gradScale }) {
      const H = heap[dtype];
      const [P, G, M] = [p / bytes, g / bytes, m / bytes];
      for (let i = 0; i < n; i++) {
        const grad = H[G + i] * gradScale;
        H[M + i] = momentum * H[M + i] + grad;
        const direction = nesterov ? grad + momentum * H[M + i] : H[M + i];
        H[P + i] -= lr * direction + decay * H[P + i];
      }
    },
  };
}
