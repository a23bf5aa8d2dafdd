/**
 * The nearest matrix whose singular values are all about 1, by matrix products alone (a Newton–Schulz iteration).
 *
 *     X ← N/(‖N‖ + 1e-7)        five times: A = X·Xᵀ        X ← (a·I + A·(b·I + c·A))·X
 *
 * For a matrix that is higher than wide, A = Xᵀ·X, on the other side of X: it is the same polynomial.
 *
 * The odd polynomial a·σ + b·σ³ + c·σ⁵ acts on every singular value σ. These coefficients take the small ones to 1 fastest, and
 * leave all between about 0.7 and 1.2. Jordan et al. 2024, "Muon"; Bernstein & Newhouse 2024, arXiv:2409.20325.
 */
import {
  empty,
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

/** Floating-point operations of the products for a matrix r × c with r the shorter side. */
export function orthogonalizeFlops(rows: number, cols: number): number {
  const [r, c] = [Math.min(rows, cols), Math.max(rows, cols)];
  return ITERATIONS * (4 * r * r * c + 2 * r ** 3);
}

/** Adds value·I to each matrix, in place.   [n, r, r] */
function plusMultipleOfIdentity(matrices: Tensor, value: number): Tensor {
  const [, rows] = matrices.shape;
  const { data } = matrices;
  for (let start = 0; start < data.length; start += rows * rows) {
    for (let i = 0; i < rows; i++) data[start + i * (rows + 1)] += value;
  }
  return matrices;
}

/** Each matrix with its singular values taken to about 1.   [n, r, c] */
export function orthogonalize(matrices: Tensor): Tensor {
  const { shape, dtype } = matrices;
  if (shape.length !== 3) throw new ShapeError(`orthogonalize: ${show(shape)} is not [n, r, c]`);
  const [count, rows, cols] = shape;
  const isTall = rows > cols;
  return scope(() => {
    const matrixOf = (all: Tensor, i: number): Tensor => all.view([rows, cols], i * rows * cols);
    let x = empty("orthogonalize", shape, dtype);
    for (let i = 0; i < count; i++) {
      const [from, to] = [matrixOf(matrices, i), matrixOf(x, i)];
      const inverse = 1 / (Math.sqrt(sumSquares(from)) + EPS);
      kernelsFor(dtype).binaryScalar.mul(from.size, from.address, inverse, to.address);
    }
    for (let i = 0; i < ITERATIONS; i++) {
      const next = scope(() => {
        const gram = matmul(x, x, isTall ? { transposeA: true } : { transposeB: true }); // its side is the shorter one
        const inner = plusMultipleOfIdentity(mul(gram, C), B);
        const polynomial = plusMultipleOfIdentity(matmul(gram, inner), A);
        return isTall ? matmul(x, polynomial) : matmul(polynomial, x);
      });
      x.storage.free(); // its memory, still in the cache, is that of the next result
      x = next;
    }
    return x;
  });
}
