/**
 * Element-wise operations with broadcasting. A number stands for a tensor filled with it.
 *
 * The common broadcasts (equal shapes, a number, a row under every row) go straight to a kernel; the others are
 * materialized first.
 */
import { type BinaryOp, binaryFunctions } from "./kernels/scalar/binary.ts";
import { byName } from "./kernels/scalar/byName.ts";
import { UNARY, type UnaryGradOp, type UnaryOp, type UnaryWithDerivativeOp } from "./kernels/scalar/unary.ts";
import { broadcastTo } from "./movement.ts";
import { kernelsFor } from "./select/select.ts";
import { broadcastShapes, type Shape, ShapeError, sameShape, show, sizeOf } from "./shape.ts";
import { empty, full, requireTensor, type Tensor } from "./tensor.ts";

/** An argument of element-wise operations; a number stands for a tensor filled with it. */
export type Operand = Tensor | number;

/** Whether `b`, without leading ones, is the tail of `a`: then b is one row under every row of a. */
function isRowOf(b: Shape, a: Shape): boolean {
  let first = 0;
  while (first < b.length && b[first] === 1) first++;
  const tail = b.slice(first);
  return b.length <= a.length && sameShape(tail, a.slice(a.length - tail.length));
}

export function checkSameType(op: string, a: Tensor, b: Tensor): void {
  requireTensor(op, a);
  requireTensor(op, b);
  if (a.dtype !== b.dtype) {
    throw new ShapeError(`${op}: ${a.dtype} ${show(a.shape)} with ${b.dtype} ${show(b.shape)}; convert one with cast`);
  }
}

function applyBinary(op: BinaryOp, a: Operand, b: Operand): Tensor {
  if (typeof b === "number") {
    if (typeof a === "number") throw new ShapeError(`${op}: two numbers; at least one side must be a tensor`);
    const out = empty(op, a.shape, a.dtype);
    kernelsFor(a.dtype).binaryScalar[op](a.size, a.address, b, out.address);
    return out;
  }
  if (typeof a === "number") {
    if (binaryFunctions[op].commutes) return applyBinary(op, b, a);
    return applyBinary(op, full(b.shape, a, b.dtype), b);
  }
  checkSameType(op, a, b);
  if (b.size === 1 && b.shape.length <= a.shape.length) return applyBinary(op, a, b.item());
  const kernel = kernelsFor(a.dtype).binary[op];
  if (isRowOf(b.shape, a.shape)) {
    const out = empty(op, a.shape, a.dtype);
    kernel(b.size === 0 ? 0 : a.size / b.size, b.size, a.address, b.address, out.address);
    return out;
  }
  if (binaryFunctions[op].commutes && isRowOf(a.shape, b.shape)) return applyBinary(op, b, a);
  const shape = broadcastShapes(op, a.shape, b.shape);
  const out = empty(op, shape, a.dtype);
  kernel(1, out.size, broadcastTo(a, shape).address, broadcastTo(b, shape).address, out.address);
  return out;
}

/** a + b, with broadcasting. */
export const add = (a: Operand, b: Operand): Tensor => applyBinary("add", a, b);
/** a − b, with broadcasting. */
export const sub = (a: Operand, b: Operand): Tensor => applyBinary("sub", a, b);
/** a ⊙ b, with broadcasting. */
export const mul = (a: Operand, b: Operand): Tensor => applyBinary("mul", a, b);
/** a / b, with broadcasting. */
export const div = (a: Operand, b: Operand): Tensor => applyBinary("div", a, b);
/** The larger of a and b, with broadcasting; NaN where either is NaN. */
export const maximum = (a: Operand, b: Operand): Tensor => applyBinary("maximum", a, b);
/** The smaller of a and b, with broadcasting; NaN where either is NaN. */
export const minimum = (a: Operand, b: Operand): Tensor => applyBinary("minimum", a, b);

/** a ← a + b for equal shapes; the caller must own the memory of a. */
export function addInto(a: Tensor, b: Tensor): void {
  if (!sameShape(a.shape, b.shape)) {
    throw new ShapeError(`addInto: shapes differ, ${show(a.shape)} and ${show(b.shape)}`);
  }
  checkSameType("addInto", a, b);
  kernelsFor(a.dtype).binary.add(1, a.size, a.address, b.address, a.address);
}

const unary =
  (op: UnaryOp) =>
  (x: Tensor): Tensor => {
    const out = empty(op, x.shape, x.dtype);
    kernelsFor(x.dtype).unary[op](x.size, x.address, out.address);
    return out;
  };

/** Every unary operation by name, for tables and tests. */
export const unaryOps = byName(UNARY, unary);

/** −x. */
export const neg = unaryOps.neg;
/** |x|. */
export const abs = unaryOps.abs;
/** The sign of x: −1, 0 or 1. */
export const sign = unaryOps.sign;
/** x². */
export const square = unaryOps.square;
/** √x. */
export const sqrt = unaryOps.sqrt;
/** eˣ. */
export const exp = unaryOps.exp;
/** Natural logarithm. */
export const log = unaryOps.log;
/** tanh x. */
export const tanh = unaryOps.tanh;
/** σ(x) = 1/(1 + e⁻ˣ). */
export const sigmoid = unaryOps.sigmoid;
/** log σ(x) = −softplus(−x), finite where σ(x) underflows. */
export const logSigmoid = unaryOps.logSigmoid;
/** log(1 + eˣ), without overflow. */
export const softplus = unaryOps.softplus;
/** ½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³))): the tanh form that SigLIP's towers use. */
export const gelu = unaryOps.gelu;
/** ½·x·(1 + erf(x/√2)) = x·Φ(x): the original GELU. */
export const geluErf = unaryOps.geluErf;

/** g ⊙ f′(x) in one pass, for functions whose derivative has a kernel. */
export function unaryGrad(op: UnaryGradOp, x: Tensor, g: Tensor): Tensor {
  if (!sameShape(x.shape, g.shape))
    throw new ShapeError(`${op}: the gradient is ${show(g.shape)}, but x is ${show(x.shape)}`);
  const out = empty(`gradient of ${op}`, x.shape, x.dtype);
  kernelsFor(x.dtype).unaryGrad[op](x.size, x.address, g.address, out.address);
  return out;
}

/** f(x) and f′(x) in one pass. f′(x) overwrites x, whose memory the caller must own. */
export function unaryWithDerivative(op: UnaryWithDerivativeOp, x: Tensor): { value: Tensor; derivative: Tensor } {
  const value = empty(op, x.shape, x.dtype);
  kernelsFor(x.dtype).unaryWithDerivative[op](x.size, x.address, value.address, x.address);
  return { value, derivative: x };
}

/** The same numbers in another precision (rounded to nearest). */
export function cast(x: Tensor, dtype: Tensor["dtype"]): Tensor {
  const out = empty("cast", x.shape, dtype);
  out.data.set(x.data);
  return out;
}

/** A copy in new memory. */
export function copy(x: Tensor): Tensor {
  const out = empty("copy", x.shape, x.dtype);
  kernelsFor(x.dtype).copy(sizeOf(x.shape), x.address, out.address);
  return out;
}
