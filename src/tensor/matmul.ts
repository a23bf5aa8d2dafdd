/**
 * Matrix products over the last two axes; leading axes are a batch and broadcast.
 *
 * Transposes are flags, not copies.   a [..., M, K] · b [..., K, N] → [..., M, N]
 */
import { checkSameType } from "./elementwise.ts";
import { countProducts } from "./flops.ts";
import { broadcastTo } from "./movement.ts";
import { kernelsFor } from "./select/select.ts";
import { broadcastShapes, type Shape, ShapeError, sameShape, show, sizeOf } from "./shape.ts";
import { empty, type Tensor } from "./tensor.ts";

/** Which operands of a matrix product are transposed. */
export interface Transposes {
  /** a is stored [..., K, M]. */
  readonly transposeA?: boolean;
  /** b is stored [..., N, K]. */
  readonly transposeB?: boolean;
}

/** [..., M, K] · [..., K, N] → [..., M, N], with transposes as flags. */
export const matmul = (a: Tensor, b: Tensor, transposes: Transposes = {}): Tensor => product(a, b, transposes);

/**
 * (a·b) ⊙ factor, in one pass over the result: the gradient of a layer whose input came out of an element-wise function.
 *
 * One matrix on the right, and no transposed one on the left.   a [..., M, K]   b [K, N]   factor [..., M, N]
 */
export const matmulTimes = (a: Tensor, b: Tensor, factor: Tensor, transposes: Transposes = {}): Tensor =>
  product(a, b, transposes, factor);

function product(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: Transposes,
  factor?: Tensor,
): Tensor {
  checkSameType("matmul", a, b);
  const [ar, br] = [a.shape.length, b.shape.length];
  if (ar < 2 || br < 2) throw new ShapeError(`matmul: ${show(a.shape)} · ${show(b.shape)}; both need two axes or more`);
  const [m, k] = transposeA ? [a.shape[ar - 1], a.shape[ar - 2]] : [a.shape[ar - 2], a.shape[ar - 1]];
  const [kb, n] = transposeB ? [b.shape[br - 1], b.shape[br - 2]] : [b.shape[br - 2], b.shape[br - 1]];
  if (k !== kb) {
    const hint = !transposeB && b.shape[br - 1] === k ? "; did you mean transposeB?" : "";
    throw new ShapeError(`matmul: inner axes differ, ${show(a.shape)} · ${show(b.shape)} (${k} ≠ ${kb})${hint}`);
  }
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const batchShape = broadcastShapes("matmul", batchA, batchB);
  const batch = sizeOf(batchShape);
  const out = empty("matmul", [...batchShape, m, n], a.dtype);
  countProducts(batch, m, n, k);
  if (factor) checkFactor(factor, out, sizeOf(batchB) === 1 && !transposeA);
  const common = { transA: transposeA, transB: transposeB, n, k, lda: a.shape[ar - 1], ldb: b.shape[br - 1], ldc: n };
  if (sizeOf(batchB) === 1 && !transposeA) {
    // One matrix on the right: one product over all rows of the batch.
    const places = { a: a.address, b: b.address, c: out.address, factor: factor ? factor.address : 0 };
    kernelsFor(a.dtype).gemm({ ...common, ...places, m: batch * m });
    return out;
  }
  const spread = (x: Tensor, own: Shape): Tensor =>
    sizeOf(own) === 1 || sameShape(own, batchShape) ? x : broadcastTo(x, [...batchShape, ...x.shape.slice(-2)]);
  const [left, right] = [spread(a, batchA), spread(b, batchB)];
  kernelsFor(a.dtype).gemm({
    ...common,
    m,
    a: left.address,
    b: right.address,
    c: out.address,
    batch,
    strideA: left.size === m * k ? 0 : m * k,
    strideB: right.size === k * n ? 0 : k * n,
    strideC: m * n,
  });
  return out;
}

/** Throws `ShapeError` unless a factor has the shape of the product, which has one matrix on the right. */
function checkFactor(factor: Tensor, product: Tensor, isOneMatrix: boolean): void {
  checkSameType("matmulTimes", factor, product);
  if (!isOneMatrix)
    throw new ShapeError("matmulTimes: needs one matrix on the right, and a left one that is not transposed");
  if (sameShape(factor.shape, product.shape)) return;
  throw new ShapeError(`matmulTimes: a factor ${show(factor.shape)} does not fit a product ${show(product.shape)}`);
}

/** x·kernel + bias (+ plus) over the last axis.   x [..., I]   kernel [I, O]   bias [O]   plus [..., O] */
export function linear(x: Tensor, kernel: Tensor, bias?: Tensor, plus?: Tensor): Tensor {
  checkSameType("linear", x, kernel);
  if (bias) checkSameType("linear", x, bias);
  const inputs = x.shape[x.shape.length - 1];
  const [rows, outputs] = kernel.shape;
  if (kernel.shape.length !== 2 || inputs !== rows || (bias && !sameShape(bias.shape, [outputs]))) {
    const plusBias = bias ? ` + ${show(bias.shape)}` : "";
    throw new ShapeError(`linear: ${show(x.shape)} · ${show(kernel.shape)}${plusBias} do not fit`);
  }
  const m = sizeOf(x.shape.slice(0, -1));
  const out = empty("linear", [...x.shape.slice(0, -1), outputs], x.dtype);
  if (plus) checkPlus(plus, out);
  countProducts(1, m, outputs, inputs);
  kernelsFor(x.dtype).gemm({
    transA: false,
    transB: false,
    m,
    n: outputs,
    k: inputs,
    a: x.address,
    lda: inputs,
    b: kernel.address,
    ldb: outputs,
    c: out.address,
    ldc: outputs,
    bias: bias ? bias.address : 0,
    plus: plus ? plus.address : 0,
  });
  return out;
}

/** Throws `ShapeError` unless `plus` has the shape of the output. */
function checkPlus(plus: Tensor, out: Tensor): void {
  checkSameType("linear", plus, out);
  if (sameShape(plus.shape, out.shape)) return;
  throw new ShapeError(`linear: ${show(plus.shape)} cannot be added to an output ${show(out.shape)}`);
}
