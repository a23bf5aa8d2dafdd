/** Sums and maxima. Sums accumulate in f64, one number after the other. */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { ReduceKernels } from "./interface.ts";

export function plainReduce(heap: Heap, dtype: DType): ReduceKernels {
  const bytes = BYTES[dtype];
  const sum = (n: number, x: number): number => {
    const H = heap[dtype];
    const X = x / bytes;
    let total = 0;
    for (let i = 0; i < n; i++) total += H[X + i];
    return total;
  };
  return {
    sum,
    sumSquares(n, x) {
      const H = heap[dtype];
      const X = x / bytes;
      let total = 0;
      for (let i = 0; i < n; i++) total += H[X + i] * H[X + i];
      return total;
    },
    sumOverRows(rows, cols, x, out) {
      const H = heap[dtype];
      const X = x / bytes;
      const totals = new Float64Array(cols);
      for (let i = 0; i < rows; i++) for (let j = 0; j < cols; j++) totals[j] += H[X + i * cols + j];
      H.set(totals, out / bytes);
    },
    sumAlongRows(rows, cols, x, out) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) H[out / bytes + i] = sum(cols, x + i * cols * bytes);
    },
    maxAlongRows(rows, cols, x, out) {
      const H = heap[dtype];
      for (let i = 0; i < rows; i++) {
        let top = Number.NEGATIVE_INFINITY;
        for (let j = 0; j < cols; j++) top = Math.max(top, H[x / bytes + i * cols + j]);
        H[out / bytes + i] = top;
      }
    },
  };
}
