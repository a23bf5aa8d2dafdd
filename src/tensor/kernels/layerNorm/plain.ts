/**
 * Layer normalization by rows, and its gradients, with x̂ = (x − mean)·rstd:
 *
 *     y = x̂·scale + bias      dscale = Σ_rows g·x̂      dbias = Σ_rows g
 *     dx = rstd·(g·scale − Σ g·scale / n − x̂·Σ g·scale·x̂ / n)
 */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { LayerNormKernels } from "./interface.ts";

export function plainLayerNorm(heap: Heap, dtype: DType): LayerNormKernels {
  const bytes = BYTES[dtype];
  return {
    layerNorm(rows, cols, eps, x, scale, bias, out, mean, rstd) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const O = out / bytes + i * cols;
        let total = 0;
        for (let j = 0; j < cols; j++) total += H[X + j];
        const mu = total / cols;
        let squares = 0;
        for (let j = 0; j < cols; j++) squares += (H[X + j] - mu) ** 2;
        const r = 1 / Math.sqrt(squares / cols + eps);
        for (let j = 0; j < cols; j++) H[O + j] = (H[X + j] - mu) * r * H[scale / bytes + j] + H[bias / bytes + j];
        H[mean / bytes + i] = mu;
        H[rstd / bytes + i] = r;
      }
    },
    layerNormGrad(rows, cols, x, scale, mean, rstd, g, dx, dscale, dbias) {
      const H = heap[dtype];
      const S = scale / bytes;
      const scaleSums = new Float64Array(cols);
      const biasSums = new Float64Array(cols);
      for (let i = 0; i < rows; i++) {
        const X = x / bytes + i * cols;
        const G = g / bytes + i * cols;
        const D = dx / bytes + i * cols;
        const mu = H[mean / bytes + i];
        const r = H[rstd / bytes + i];
        let sumG = 0; // Σ gs, with gs = g·scale
        let sumGX = 0; // Σ gs·x̂
        for (let j = 0; j < cols; j++) {
          const hat = (H[X + j] - mu) * r;
          const gs = H[G + j] * H[S + j];
          sumG += gs;
          sumGX += gs * hat;
          scaleSums[j] += H[G + j] * hat;
          biasSums[j] += H[G + j];
        }
        for (let j = 0; j < cols; j++) {
          const hat = (H[X + j] - mu) * r;
          H[D + j] = r * (H[G + j] * H[S + j] - sumG / cols - (hat * sumGX) / cols);
        }
      }
      if (dscale) H.set(scaleSums, dscale / bytes);
      if (dbias) H.set(biasSums, dbias / bytes);
    },
  };
}
