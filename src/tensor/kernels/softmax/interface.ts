/** Softmax and log-sum-exp of the rows of a matrix. */
import type { Ptr } from "../ptr.ts";

export interface SoftmaxKernels {
  softmax(rows: number, cols: number, x: Ptr, out: Ptr): void;
  /** dx = y ⊙ (g − ⟨g, y⟩). */
  softmaxGrad(rows: number, cols: number, y: Ptr, g: Ptr, dx: Ptr): void;
  logSumExp(rows: number, cols: number, x: Ptr, out: Ptr): void;
}
