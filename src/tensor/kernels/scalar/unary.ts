/**
 * The functions of one number that have a kernel. This table is the only list of them: both sets of kernels, the names of
 * the interface, the inputs of the self-test and the tables of the tests follow from it. docs/STYLE.md says how to add one.
 */
import type { Code, F32x4, Local } from "../../wasm/assembler.ts";
import { abs, mul, neg, sqrt } from "../../wasm/instructions.ts";
import { exp, log } from "./exp.ts";
import * as plain from "./plain.ts";
import * as simd from "./simd.ts";

type X = Local<"f32x4">;

/** One formula in both forms. */
interface Formula {
  /** On one f64 number, as written on paper: the oracle. */
  readonly plain: (x: number) => number;
  /** On four f32 numbers. */
  readonly simd: (x: X) => F32x4;
}

export type WithDerivative = (x: X) => { readonly code: Code; readonly value: F32x4; readonly derivative: F32x4 };

interface UnaryFunction extends Formula {
  /** "positive" if f is meant for positive numbers only; it is tested on those. */
  readonly domain?: "positive";
  /** f′, if g·f′(x) is one loop; otherwise the derivative is composed of other operations. */
  readonly derivative?: Formula;
  /** f and f′ from the same intermediate results, with the bits of the separate kernels. `code` comes before both. */
  readonly withDerivative?: WithDerivative;
}

export const unaryFunctions = {
  neg: { plain: (x) => -x, simd: neg },
  abs: { plain: Math.abs, simd: abs },
  sign: { plain: Math.sign, simd: simd.sign },
  square: { plain: (x) => x * x, simd: (x) => mul(x, x) },
  sqrt: { plain: Math.sqrt, simd: sqrt, domain: "positive" },
  exp: { plain: Math.exp, simd: exp },
  log: { plain: Math.log, simd: log, domain: "positive" },
  tanh: {
    plain: Math.tanh,
    simd: simd.tanh,
    derivative: { plain: plain.tanhDerivative, simd: simd.tanhDerivative },
  },
  sigmoid: {
    plain: plain.sigmoid,
    simd: simd.sigmoid,
    derivative: { plain: plain.sigmoidDerivative, simd: simd.sigmoidDerivative },
  },
  logSigmoid: {
    plain: plain.logSigmoid,
    simd: simd.logSigmoid,
    derivative: { plain: plain.logSigmoidDerivative, simd: simd.logSigmoidDerivative },
  },
  softplus: {
    plain: plain.softplus,
    simd: simd.softplus,
    derivative: { plain: plain.softplusDerivative, simd: simd.softplusDerivative },
  },
  gelu: {
    plain: plain.gelu,
    simd: simd.gelu,
    derivative: { plain: plain.geluDerivative, simd: simd.geluDerivative },
    withDerivative: simd.geluWithDerivative,
  },
  geluErf: {
    plain: plain.geluErf,
    simd: simd.geluErf,
    derivative: { plain: plain.geluErfDerivative, simd: simd.geluErfDerivative },
    withDerivative: simd.geluErfWithDerivative,
  },
} as const satisfies { readonly [name: string]: UnaryFunction };

type Table = typeof unaryFunctions;
type Having<Key extends keyof UnaryFunction> = {
  [op in keyof Table]: Table[op] extends { readonly [key in Key]: unknown } ? op : never;
}[keyof Table];
const having = <Key extends keyof UnaryFunction>(key: Key): readonly Having<Key>[] =>
  UNARY.filter((op): op is Having<Key> => key in unaryFunctions[op]);

/** Functions of one number that have a kernel. */
export type UnaryOp = keyof Table;
/** Functions whose derivative is one loop. */
export type UnaryGradOp = Having<"derivative">;
/** Functions that give value and derivative in one pass. */
export type UnaryWithDerivativeOp = Having<"withDerivative">;

/** Every function of one number that has a kernel. */
export const UNARY = Object.keys(unaryFunctions) as readonly UnaryOp[];
/** Those whose derivative is one loop. */
export const UNARY_GRAD = having("derivative");
/** Those that give value and derivative in one pass. */
export const UNARY_WITH_DERIVATIVE = having("withDerivative");

/** Whether f is meant for positive numbers only. */
export const isForPositive = (op: UnaryOp): boolean => "domain" in unaryFunctions[op];
