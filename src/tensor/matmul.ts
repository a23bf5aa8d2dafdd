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
export function matmul(a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: Transposes = {}): Tensor {
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
  const common = { transA: transposeA, transB: transposeB, n, k, lda: a.shape[ar - 1], ldb: b.shape[br - 1], ldc: n };
  if (sizeOf(batchB) === 1 && !transposeA) {
    // One matrix on the right: one product over all rows of the batch.
    kernelsFor(a.dtype).gemm({ ...common, m: batch * m, a: a.address, b: b.address, c: out.address });
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

/** x·kernel + bias over the last axis.   x [..., I]   kernel [I, O]   bias [O] */
export function linear(x: Tensor, kernel: Tensor, bias?: Tensor): Tensor {
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
  });
  return out;
}
