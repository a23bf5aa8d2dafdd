/** Layer normalization of rows, and its gradients. */
import type { Ptr } from "../ptr.ts";

export interface LayerNormKernels {
  /** y = (x − mean)·rstd·scale + bias, rstd = 1/√(var + eps); mean and rstd [rows] are written for the backward pass. */
  layerNorm(
    rows: number, cols: number, eps: number, x: Ptr, scale: Ptr, bias: Ptr, out: Ptr, mean: Ptr, rstd: Ptr,
  ): void; // biome-ignore format: a line
  /** dx [rows, cols] and, where not 0, dscale and dbias [cols] (overwritten). */
  layerNormGrad(
    rows: number, cols: number, x: Ptr, scale: Ptr, mean: Ptr, rstd: Ptr, g: Ptr, dx: Ptr, dscale: Ptr, dbias: Ptr,
  ): void; // biome-ignore format: a line
}
