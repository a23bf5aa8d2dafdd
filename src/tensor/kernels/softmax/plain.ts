/**
 * Softmax and log-sum-exp of rows, with the largest entry subtracted first, so that nothing overflows.
 *
 *     yⱼ = e^(xⱼ − top) / Σₖ e^(xₖ − top)      dx = y ⊙ (g − ⟨g, y⟩)      logSumExp = top + log Σₖ e^(xₖ − top)
 */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { SoftmaxKernels } from "./interface.ts";

export function plainSoftmax(heap: Heap, dtype: DType): SoftmaxKernels {
  const bytes = BYTES[dtype];
  return {
    softmax(rows, cols, x, out) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const O = out / bytes + i * cols;
        let top = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < cols; j++) top = Math.max(top, H[X + j]);
        let total = 0;
        for (let j = 0; j < cols; j++) {
          const e = Math.exp(H[X + j] - top);
          H[O + j] = e;
          total += e;
        }
        for (let j = 0; j < cols; j++) H[O + j] /= total;
      }
    },
    softmaxGrad(rows, cols, y, g, dx) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const Y = y / bytes + i * cols;
        const G = g / bytes + i * cols;
        const D = dx / bytes + i * cols;
        let inner = 0;
        for (let j = 0; j < cols; j++) inner += H[G + j] * H[Y + j];
        for (let j = 0; j < cols; j++) H[D + j] = H[Y + j] * (H[G + j] - inner);
      }
    },
    logSumExp(rows, cols, x, out) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        let top = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < cols; j++) top = Math.max(top, H[X + j]);
        let total = 0;
        // The result for a row of −∞ (or with +∞) is its largest entry: ∞ − ∞ must not make it NaN.
        if (Number.isFinite(top)) for (let j = 0; j < cols; j++) total += Math.exp(H[X + j] - top);
        H[out / bytes + i] = Number.isFinite(top) ? top + Math.log(total) : top;
      }
    },
  };
}
