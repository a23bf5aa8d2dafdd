/** Rows divided by their length, and the gradient of that. */
import type { Ptr } from "../ptr.ts";

export interface L2NormalizeKernels {
  /** y = x / (‖x‖ + eps) by row, norm [rows] written; a zero row gives zeros. The norm is computed without overflow. */
  l2Normalize(rows: number, cols: number, eps: number, x: Ptr, out: Ptr, norm: Ptr): void;
  /** dx = (g − ŷ⟨g, ŷ⟩·‖x‖/(‖x‖+eps)) / (‖x‖ + eps) with ŷ = x/‖x‖; a zero row gives zeros. */
  l2NormalizeGrad(rows: number, cols: number, eps: number, x: Ptr, norm: Ptr, g: Ptr, dx: Ptr): void;
}
