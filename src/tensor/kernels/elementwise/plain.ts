/** The functions of one and of two numbers, a number at a time. */
import { BYTES, type DType, type Heap } from "../../heap.ts";
import { BINARY, binaryFunctions } from "../scalar/binary.ts";
import { byName } from "../scalar/byName.ts";
import { UNARY, UNARY_GRAD, UNARY_WITH_DERIVATIVE, unaryFunctions } from "../scalar/unary.ts";
import type { ElementwiseKernels } from "./interface.ts";

type Unary = (x: number) => number;
type Binary = (a: number, b: number) => number;

export function plainElementwise(heap: Heap, dtype: DType): ElementwiseKernels {
  const bytes = BYTES[dtype];
  const round = dtype === "f32" ? Math.fround : (x: number) => x;

  /** out = f(x) */
  const map = (f: Unary) => (n: number, x: number, out: number) => {
    const H = heap[dtype];
    const X = x / bytes;
    const O = out / bytes;
    for (let i = 0; i < n; i++) H[O + i] = f(H[X + i]);
  };
  /** out = g·f′(x) */
  const chain = (derivative: Unary) => (n: number, x: number, g: number, out: number) => {
    const H = heap[dtype];
    const X = x / bytes;
    const G = g / bytes;
    const O = out / bytes;
    for (let i = 0; i < n; i++) H[O + i] = H[G + i] * derivative(H[X + i]);
  };
  const mapBoth = (f: Unary, derivative: Unary) => (n: number, x: number, out: number, slopes: number) => {
    const H = heap[dtype];
    for (let i = 0; i < n; i++) {
      const z = H[x / bytes + i];
      H[out / bytes + i] = f(z);
      H[slopes / bytes + i] = derivative(z);
    }
  };
  /** out = a ∘ b, b a row under every row of a. */
  const combine = (f: Binary) => (rows: number, cols: number, a: number, b: number, out: number) => {
    const H = heap[dtype];
    const B = b / bytes;
    for (let i = 0; i < rows; i++) {
      const A = a / bytes + i * cols;
      const O = out / bytes + i * cols;
      for (let j = 0; j < cols; j++) H[O + j] = f(H[A + j], H[B + j]);
    }
  };
  /** out = a ∘ value */
  const combineScalar = (f: Binary) => (n: number, a: number, value: number, out: number) => {
    const H = heap[dtype];
    const A = a / bytes;
    const O = out / bytes;
    const b = round(value);
    for (let i = 0; i < n; i++) H[O + i] = f(H[A + i], b);
  };

  return {
    unary: byName(UNARY, (op) => map(unaryFunctions[op].plain)),
    unaryGrad: byName(UNARY_GRAD, (op) => chain(unaryFunctions[op].derivative.plain)),
    unaryWithDerivative: byName(UNARY_WITH_DERIVATIVE, (op) =>
      mapBoth(unaryFunctions[op].plain, unaryFunctions[op].derivative.plain),
    ),
    binary: byName(BINARY, (op) => combine(binaryFunctions[op].plain)),
    binaryScalar: byName(BINARY, (op) => combineScalar(binaryFunctions[op].plain)),
  };
}
