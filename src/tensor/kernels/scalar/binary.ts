/** The functions of two numbers that have a kernel, in both forms. */
import type { F32x4 } from "../../wasm/assembler.ts";
import { add, div, max, min, mul, sub } from "../../wasm/instructions.ts";

interface BinaryFunction {
  readonly plain: (a: number, b: number) => number;
  readonly simd: (a: F32x4, b: F32x4) => F32x4;
  /** f(a, b) = f(b, a) */
  readonly commutes: boolean;
}

export const binaryFunctions = {
  add: { plain: (a, b) => a + b, simd: add, commutes: true },
  sub: { plain: (a, b) => a - b, simd: sub, commutes: false },
  mul: { plain: (a, b) => a * b, simd: mul, commutes: true },
  div: { plain: (a, b) => a / b, simd: div, commutes: false },
  maximum: { plain: (a, b) => Math.max(a, b), simd: max, commutes: true },
  minimum: { plain: (a, b) => Math.min(a, b), simd: min, commutes: true },
} as const satisfies { readonly [name: string]: BinaryFunction };

export type BinaryOp = keyof typeof binaryFunctions;
export const BINARY = Object.keys(binaryFunctions) as readonly BinaryOp[];
