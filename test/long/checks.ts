/**
 * The checks of every f32 function of one number: the kernel, its exact values, and the errors allowed.
 *
 * Derivatives are measured as gradients for g = 1; for another g the product is one rounding more. `expFlush` and `log1p`
 * are not kernels but building blocks of softmax, attention and the loss.
 */
import type { Kernels } from "../../src/tensor/index.ts";
import type { Ptr } from "../../src/tensor/kernels/ptr.ts";
import {
  UNARY_GRAD,
  UNARY_WITH_DERIVATIVE,
  type UnaryGradOp,
  type UnaryOp,
  type UnaryWithDerivativeOp,
} from "../../src/tensor/kernels/scalar/unary.ts";
import { boundsOf, derivativeBoundsOf, EXACT, flushing, ulps } from "./bounds.ts";
import { type Exact, exactDerivative, exactLog1p, exactUnary, ROUNDED } from "./exact.ts";
import type { Bound } from "./meter.ts";

/** The kernels of one mode, and the parts of them that are measured alone. */
export interface Measured extends Kernels {
  readonly expFlush: (n: number, x: Ptr, out: Ptr) => void;
  readonly log1p: (n: number, x: Ptr, out: Ptr) => void;
}

/** Addresses for n numbers each: x, ones, out, and scratch. */
export interface Places {
  readonly n: number;
  readonly x: Ptr;
  readonly ones: Ptr;
  readonly out: Ptr;
  readonly spare: Ptr;
}

type Run = (kernels: Measured, at: Places) => void;

export interface Check {
  readonly name: string;
  readonly run: Run;
  /** The exact values, or a kernel of the same mode that must give the same bits. */
  readonly against: { readonly exact: Exact } | { readonly twin: Run };
  readonly bounds: readonly Bound[];
  /** First and last bit pattern of the domain; all by default. */
  readonly domain?: readonly [first: number, last: number];
}

const unary =
  (op: UnaryOp): Run =>
  ({ unary }, { n, x, out }) =>
    unary[op](n, x, out);
const derivative =
  (op: UnaryGradOp): Run =>
  ({ unaryGrad }, { n, x, ones, out }) =>
    unaryGrad[op](n, x, ones, out);
/** Value and derivative in one pass, written to `places`. */
const withDerivative =
  (op: UnaryWithDerivativeOp, places: (at: Places) => [value: Ptr, derivative: Ptr]): Run =>
  ({ unaryWithDerivative }, at) =>
    unaryWithDerivative[op](at.n, at.x, ...places(at));

export const CHECKS: readonly Check[] = [
  ...ROUNDED.map((op) => ({
    name: op,
    run: unary(op),
    against: { exact: exactUnary(op) },
    bounds: boundsOf(op),
  })),
  ...UNARY_GRAD.map((op) => ({
    name: `${op} derivative`,
    run: derivative(op),
    against: { exact: exactDerivative(op) },
    bounds: derivativeBoundsOf(op),
  })),
  ...UNARY_WITH_DERIVATIVE.flatMap((op) => [
    {
      name: `${op}WithDerivative, value`,
      run: withDerivative(op, ({ out, spare }) => [out, spare]),
      against: { twin: unary(op) },
      bounds: EXACT,
    },
    {
      name: `${op}WithDerivative, derivative`,
      run: withDerivative(op, ({ out, spare }) => [spare, out]),
      against: { twin: derivative(op) },
      bounds: EXACT,
    },
  ]),
  {
    name: "sigmoidTile", // σ(ℓ) of negatives: t = 1, b = 0, the diagonal outside the tile
    run: (kernels, { n, x, out }) => {
      kernels.copy(n, x, out);
      kernels.sigmoidTile(1, n, out, 1, 0, n);
    },
    against: { exact: exactUnary("sigmoid") },
    bounds: [flushing(2.5)],
  },
  {
    name: "expFlush",
    run: ({ expFlush }, { n, x, out }) => expFlush(n, x, out),
    against: { exact: exactUnary("exp") },
    bounds: [flushing(2)],
    domain: [0x80000000, 0xffffffff], // x ≤ −0 and NaN
  },
  {
    name: "log1p",
    run: ({ log1p }, { n, x, out }) => log1p(n, x, out),
    against: { exact: exactLog1p },
    bounds: [ulps(2)],
    domain: [0, 0x7e7fffff], // 0 ≤ x < 2¹²⁶
  },
];
