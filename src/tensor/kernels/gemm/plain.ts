/** Matrix products as three loops, a row of C at a time: C[i, :] = (Σₚ A[i, p]·B[p, :] [+ C[i, :]] [+ bias] [+ plus[i, :]]) [⊙ factor[i, :]], in f64. */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import type { GemmKernels } from "./interface.ts";

export function plainGemm(heap: Heap, dtype: DType): GemmKernels {
  const bytes = BYTES[dtype];
  return {
    gemm(args) {
      const { transA, transB, m, n, k, lda, ldb, ldc, accumulate = false, bias = 0, plus = 0, factor = 0 } = args;
      const { batch = 1, strideA = 0, strideB = 0, strideC = 0 } = args;
      const H = heap[dtype];
      const [aRow, aCol] = transA ? [1, lda] : [lda, 1];
      const [bRow, bCol] = transB ? [1, ldb] : [ldb, 1];
      const line = new Float64Array(n);
      for (let s = 0; s < batch; s++) {
        const A = args.a / bytes + s * strideA;
        const B = args.b / bytes + s * strideB;
        const C = args.c / bytes + s * strideC;
        for (let i = 0; i < m; i++) {
          for (let j = 0; j < n; j++) {
            line[j] = (accumulate ? H[C + i * ldc + j] : 0) + (bias ? H[bias / bytes + j] : 0);
          }
          for (let p = 0; p < k; p++) {
            const x = H[A + i * aRow + p * aCol];
            const row = B + p * bRow;
            for (let j = 0; j < n; j++) line[j] += x * H[row + j * bCol];
          }
          for (let j = 0; j < n; j++) H[C + i * ldc + j] = line[j];
          // Rounded one after the other, as by operations of their own.
          if (plus) for (let j = 0; j < n; j++) H[C + i * ldc + j] += H[plus / bytes + i * ldc + j];
          if (factor) for (let j = 0; j < n; j++) H[C + i * ldc + j] *= H[factor / bytes + i * ldc + j];
        }
      }
    },
  };
}
