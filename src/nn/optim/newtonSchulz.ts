/**
 * The nearest matrix whose singular values are all about 1, by matrix products alone (a Newton–Schulz iteration).
 *
 *     X ← N/(‖N‖ + 1e-7)        five times: A = X·Xᵀ        X ← (a·I + b·A + c·A²)·X
 *
 * The odd polynomial a·σ + b·σ³ + c·σ⁵ acts on every singular value σ. These coefficients take the small ones to 1 fastest, and
 * leave all between about 0.7 and 1.2. Jordan et al. 2024, "Muon"; Bernstein & Newhouse 2024, arXiv:2409.20325.
 */
import {
  add,
  copy,
  eye,
  kernelsFor,
  matmul,
  mul,
  ShapeError,
  scope,
  show,
  sumSquares,
  type Tensor,
} from "../../tensor/index.ts";

const [A, B, C] = [3.4445, -4.775, 2.0315];
const ITERATIONS = 5;
const EPS = 1e-7;

/** Each matrix with its singular values taken to about 1.   [n, r, c], r ≤ c */
export function orthogonalize(matrices: Tensor): Tensor {
  const { shape, dtype } = matrices;
  const [count, rows, cols] = shape;
  if (shape.length !== 3 || rows > cols) {
    throw new ShapeError(`orthogonalize: ${show(shape)} is not [n, r, c] with r ≤ c; transpose it`);
  }
  return scope(() => {
    let x = copy(matrices);
    for (let i = 0; i < count; i++) {
      const one = x.view([rows, cols], i * rows * cols);
      const inverse = 1 / (Math.sqrt(sumSquares(one)) + EPS);
      kernelsFor(dtype).binaryScalar.mul(one.size, one.address, inverse, one.address);
    }
    const identity = mul(eye(rows, dtype), A);
    for (let i = 0; i < ITERATIONS; i++) {
      x = scope(() => {
        const gram = matmul(x, x, { transposeB: true }); // [n, r, r]
        const square = matmul(gram, gram);
        return matmul(add(add(mul(gram, B), mul(square, C)), identity), x);
      });
    }
    return x;
  });
}
