/**
 * The nearest matrix whose singular values are all about 1, by matrix products alone (a Newton–Schulz iteration).
 *
 *     X ← N/(‖N‖ + 1e-7)        five times: A = X·Xᵀ        X ← (a·I + A·(b·I + c·A))·X
 *
 * The odd polynomial a·σ + b·σ³ + c·σ⁵ acts on every singular value σ. These coefficients take the small ones to 1 fastest, and
 * leave all between about 0.7 and 1.2. Jordan et al. 2024, "Muon"; Bernstein & Newhouse 2024, arXiv:2409.20325.
 */
import {
  add,
  empty,
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
    const sides = [rows, cols];
    const matrixOf = (all: Tensor, i: number): Tensor => all.view(sides, i * rows * cols);
    let x = empty("orthogonalize", shape, dtype);
    for (let i = 0; i < count; i++) {
      const [from, to] = [matrixOf(matrices, i), matrixOf(x, i)];
      const inverse = 1 / (Math.sqrt(sumSquares(from)) + EPS);
      kernelsFor(dtype).binaryScalar.mul(from.size, from.address, inverse, to.address);
    }
    const [linear, cubic] = [A, B].map((coefficient) => mul(eye(rows, dtype), coefficient)); // a·I, b·I
    for (let i = 0; i < ITERATIONS; i++) {
      x = scope(() => {
        const gram = matmul(x, x, { transposeB: true }); // [n, r, r]
        const inner = add(mul(gram, C), cubic);
        return matmul(add(matmul(gram, inner), linear), x);
      });
    }
    return x;
  });
}
