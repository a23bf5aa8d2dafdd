/** Functions of one and of two numbers, applied to every number of a block. The functions are those of scalar/. */
import type { Ptr } from "../ptr.ts";
import type { BinaryOp } from "../scalar/binary.ts";
import type { UnaryGradOp, UnaryOp, UnaryWithDerivativeOp } from "../scalar/unary.ts";

export interface ElementwiseKernels {
  /** out = f(x) */
  readonly unary: { readonly [op in UnaryOp]: (n: number, x: Ptr, out: Ptr) => void };
  /** out = g·f′(x) */
  readonly unaryGrad: { readonly [op in UnaryGradOp]: (n: number, x: Ptr, g: Ptr, out: Ptr) => void };
  /** out = f(x) and derivative = f′(x), with the bits of `unary` and `unaryGrad`; the derivative may overwrite x. */
  readonly unaryWithDerivative: {
    readonly [op in UnaryWithDerivativeOp]: (n: number, x: Ptr, out: Ptr, derivative: Ptr) => void;
  };
  /** out[i, j] = a[i, j] ∘ b[j]; rows = 1 for two arrays of the same length. */
  readonly binary: { readonly [op in BinaryOp]: (rows: number, cols: number, a: Ptr, b: Ptr, out: Ptr) => void };
  readonly binaryScalar: { readonly [op in BinaryOp]: (n: number, a: Ptr, value: number, out: Ptr) => void };
}
