/**
 * Systems of linear equations with a symmetric positive definite matrix, by Cholesky's factorization in double precision.
 *
 *   A = L·Lᵀ with L lower triangular; L·Z = B forwards, then Lᵀ·X = Z backwards
 */
import { EvaluationError } from "./evaluationError.ts";

/** X [n, m] with A·X = B, for A [n, n] symmetric and B [n, m], row-major. Throws `EvaluationError` unless A is positive definite. */
export function solvePositiveDefinite(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const l = cholesky(a, n);
  const m = b.length / n;
  const x = b.slice();
  const subtract = (from: number, factor: number, row: number) => {
    for (let c = 0; c < m; c++) x[from * m + c] -= factor * x[row * m + c];
  };
  const divide = (row: number) => {
    for (let c = 0; c < m; c++) x[row * m + c] /= l[row * n + row];
  };
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < i; k++) subtract(i, l[i * n + k], k);
    divide(i);
  }
  for (let i = n - 1; i >= 0; i--) {
    for (let k = i + 1; k < n; k++) subtract(i, l[k * n + i], k);
    divide(i);
  }
  return x;
}

/** L of A = L·Lᵀ; reads only the lower triangle of A. */
function cholesky(a: Float64Array, n: number): Float64Array {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
      if (j < i) l[i * n + j] = sum / l[j * n + j];
      else if (sum > 0) l[i * n + i] = Math.sqrt(sum);
      else throw new EvaluationError(`cholesky: pivot ${i} is ${sum}, so the matrix is not positive definite`);
    }
  }
  return l;
}
