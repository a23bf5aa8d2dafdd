/**
 * One step of Adafactor.
 *
 *     g ← gradScale·g      u = g/√v      m′ = β₁·m + (1 − β₁)·u      p ← p − (lr·m′ + decay·p)      m ← m′, or bfloat16(m′)
 *     v ← β₂·v + (1 − β₂)(g² + ε)
 *
 * Factored, only the means of v along rows (over cols) and along columns (over rows) are known, and v ≈ vRow·vColumn/mean, where
 * both have the same mean. With a bfloat16 momentum, big_vision's 64-bit program also rounds β₁·m; its compiled 32-bit program
 * does not.
 *
 * Shazeer & Stern 2018, arXiv:1804.04235; Zhai et al. 2021, arXiv:2106.04560.
 */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import { bfloat16 } from "./bfloat16.ts";
import type { AdafactorArgs, AdafactorKernels, FactoredSizes } from "./interface.ts";

/** Visits all numbers: index, and those of their row and column. */
function visit(
  { outer, rows, middle, cols }: FactoredSizes,
  each: (i: number, row: number, column: number) => void,
): void {
  for (let i = 0; i < outer * rows * middle * cols; i++) {
    const row = Math.floor(i / cols); // in [outer, rows, middle]
    const group = Math.floor(row / (rows * middle));
    each(i, row, (group * middle + (row % middle)) * cols + (i % cols)); // the column in [outer, middle, cols]
  }
}

export function plainAdafactor(heap: Heap, dtype: DType): AdafactorKernels {
  const bytes = BYTES[dtype];
  const roundsProduct = dtype === "f64";

  /** Moves the number at p, with its momentum at m, by the direction u. */
  function move(p: number, m: number, u: number, args: AdafactorArgs): void {
    const H = heap[dtype];
    const { lr, decay, beta1 } = args;
    const kept = (args.bfloat16 ? bfloat16(beta1) : beta1) * H[m];
    const momentum = (args.bfloat16 && roundsProduct ? bfloat16(kept) : kept) + (1 - beta1) * u;
    H[p] -= lr * momentum + decay * H[p];
    H[m] = args.bfloat16 ? bfloat16(momentum) : momentum;
  }

  /** v ← β₂·v + (1 − β₂)(squares + ε) */
  function average(v: number, squares: Float64Array, { beta2, eps }: AdafactorArgs): void {
    const H = heap[dtype];
    for (const [i, square] of squares.entries()) H[v + i] = beta2 * H[v + i] + (1 - beta2) * (square + eps);
  }

  return {
    adafactor(n, p, g, m, v, args) {
      const H = heap[dtype];
      const [P, G, M, V] = [p / bytes, g / bytes, m / bytes, v / bytes];
      const { beta2, eps, gradScale } = args;
      for (let i = 0; i < n; i++) {
        const grad = H[G + i] * gradScale;
        H[V + i] = beta2 * H[V + i] + (1 - beta2) * (grad * grad + eps);
        move(P + i, M + i, grad / Math.sqrt(H[V + i]), args);
      }
    },
    adafactorFactored(sizes, p, g, m, vRow, vColumn, args) {
      const H = heap[dtype];
      const [P, G, M, R, C] = [p / bytes, g / bytes, m / bytes, vRow / bytes, vColumn / bytes];
      const { outer, rows, middle, cols } = sizes;
      const ofRows = new Float64Array(outer * rows * middle);
      const ofColumns = new Float64Array(outer * middle * cols);
      visit(sizes, (i, row, column) => {
        const square = (H[G + i] * args.gradScale) ** 2;
        ofRows[row] += square / cols;
        ofColumns[column] += square / rows;
      });
      average(R, ofRows, args);
      average(C, ofColumns, args);
      const means = new Float64Array(outer * middle); // of v, by its columns
      for (let i = 0; i < ofColumns.length; i++) means[Math.floor(i / cols)] += H[C + i] / cols;
      visit(sizes, (i, row, column) => {
        const v = (H[R + row] * H[C + column]) / means[Math.floor(column / cols)];
        move(P + i, M + i, (H[G + i] * args.gradScale) / Math.sqrt(v), args);
      });
    },
  };
}
