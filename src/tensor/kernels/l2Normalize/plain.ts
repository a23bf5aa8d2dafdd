/** Rows divided by their length, and the gradient of that; the formulas are in interface.ts. */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { L2NormalizeKernels } from "./interface.ts";

export function plainL2Normalize(heap: Heap, dtype: DType): L2NormalizeKernels {
  const bytes = BYTES[dtype];
  return {
    l2Normalize(rows, cols, eps, x, out, norm) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const O = out / bytes + i * cols;
        const size = Math.hypot(...H.subarray(X, X + cols)); // scaled: neither over- nor underflows
        H[norm / bytes + i] = size;
        for (let j = 0; j < cols; j++) H[O + j] = size === 0 ? 0 : H[X + j] / (size + eps);
      }
    },
    l2NormalizeGrad(rows, cols, eps, x, norm, g, dx) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const G = g / bytes + i * cols;
        const D = dx / bytes + i * cols;
        const size = H[norm / bytes + i];
        let inner = 0; // ⟨g, x/‖x‖⟩
        for (let j = 0; j < cols; j++) inner += H[G + j] * (H[X + j] / size);
        for (let j = 0; j < cols; j++) {
          const hat = H[X + j] / size;
          H[D + j] = size === 0 ? 0 : (H[G + j] - (hat * inner * size) / (size + eps)) / (size + eps);
        }
      }
    },
  };
}
