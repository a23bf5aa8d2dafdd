/**
 * The functions of one number in f64, a block at a time: the exact values for the f32 kernels.
 *
 *     e = exp(−|x|), given      σ(x) = 1/(1 + e) or e/(1 + e)      softplus(x) = max(x, 0) + log(1 + e)
 *     gelu(x) = x·σ(u)          u = 2·√(2/π)·(x + 0.044715·x³)
 *
 * These are faster forms of the plain functions of the table; functions without one here use their plain form. They neither
 * cancel nor overflow and use `Math`, whose functions err by less than 2⁻⁵² of the value: in all less than 2⁻²⁶ ulp of f32.
 * Each function has its own loop, since only then the engine keeps numbers in registers.
 *
 * x, y [n]
 */
import { UNARY, type UnaryGradOp, type UnaryOp, unaryFunctions } from "../../src/tensor/kernels/scalar/unary.ts";

/** Numbers of one sign and exponent, and their e, computed on demand. */
export class Block {
  readonly x: Float32Array;
  readonly #e: Float64Array;
  #known = false;

  constructor(x: Float32Array) {
    this.x = x;
    this.#e = new Float64Array(x.length);
  }

  /** Call it after x was overwritten. */
  renew(): void {
    this.#known = false;
  }

  get e(): Float64Array {
    const x = this.x;
    const e = this.#e;
    if (!this.#known) for (let i = 0; i < x.length; i++) e[i] = Math.exp(-Math.abs(x[i]));
    this.#known = true;
    return e;
  }
}

/** Writes f of the block's numbers into y. */
export type Exact = (block: Block, y: Float64Array) => void;

const U1 = 2 * Math.sqrt(2 / Math.PI);
const U3 = U1 * 0.044715;
const FAR = 1e3; // beyond it σ(±u) is 0 or 1, and x·0 would be ∞·0
export const geluArgument = (x: number): number => x * (U1 + U3 * x * x);

const sigmoid: Exact = ({ x, e }, y) => {
  for (let i = 0; i < x.length; i++) y[i] = (x[i] < 0 ? e[i] : 1) / (1 + e[i]);
};
const sigmoidOfMinus: Exact = ({ x, e }, y) => {
  for (let i = 0; i < x.length; i++) y[i] = (x[i] > 0 ? e[i] : 1) / (1 + e[i]);
};

/** One instruction on the bits of a number, or on two numbers: nothing to measure. */
const BITWISE: ReadonlySet<UnaryOp> = new Set(["neg", "abs", "sign", "square"]);
export const ROUNDED = UNARY.filter((op) => !BITWISE.has(op));

const plainLoop =
  (f: (x: number) => number): Exact =>
  ({ x }, y) => {
    for (let i = 0; i < x.length; i++) y[i] = f(x[i]);
  };

const values: { readonly [op in UnaryOp]?: Exact } = {
  sigmoid,
  softplus: ({ x, e }, y) => {
    for (let i = 0; i < x.length; i++) y[i] = Math.max(x[i], 0) + Math.log1p(e[i]);
  },
  logSigmoid: ({ x, e }, y) => {
    for (let i = 0; i < x.length; i++) y[i] = Math.min(x[i], 0) - Math.log1p(e[i]);
  },
  gelu: ({ x }, y) => {
    for (let i = 0; i < x.length; i++) {
      const u = geluArgument(x[i]);
      const eu = Math.exp(-Math.abs(u));
      y[i] = x[i] < -FAR ? -0 : (x[i] * (u < 0 ? eu : 1)) / (1 + eu);
    }
  },
};

export const exactUnary = (op: UnaryOp): Exact => values[op] ?? plainLoop(unaryFunctions[op].plain);

const derivatives: { readonly [op in UnaryGradOp]?: Exact } = {
  tanh: ({ e }, y) => {
    // 4·σ(2x)·σ(−2x)
    for (let i = 0; i < y.length; i++) y[i] = (4 * e[i] * e[i]) / (1 + e[i] * e[i]) ** 2;
  },
  sigmoid: ({ e }, y) => {
    for (let i = 0; i < y.length; i++) y[i] = e[i] / (1 + e[i]) ** 2;
  },
  softplus: sigmoid,
  logSigmoid: sigmoidOfMinus,
  gelu: ({ x }, y) => {
    for (let i = 0; i < x.length; i++) {
      const u = geluArgument(x[i]);
      const eu = Math.exp(-Math.abs(u));
      const bump = Math.abs(x[i]) > FAR ? 0 : (x[i] * (U1 + 3 * U3 * x[i] * x[i]) * eu) / (1 + eu) ** 2;
      y[i] = (u < 0 ? eu : 1) / (1 + eu) + bump;
    }
  },
};

export const exactDerivative = (op: UnaryGradOp): Exact =>
  derivatives[op] ?? plainLoop(unaryFunctions[op].derivative.plain);

export const exactLog1p: Exact = ({ x }, y) => {
  for (let i = 0; i < x.length; i++) y[i] = Math.log1p(x[i]);
};
