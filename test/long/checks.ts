/**
 * What is claimed of each f32 function of one number: the kernel, its exact values, and the errors that are allowed.
 *
 * Derivatives are measured as gradients for g = 1; for another g the product is one rounding more. `expFlush` and `log1p`
 * are no kernels of their own, but what softmax, attention and the loss are built from.
 */
import { type Kernels, UNARY, UNARY_GRAD, type UnaryGradOp } from "../../src/tensor/index.ts";
import type { Ptr } from "../../src/tensor/kernels/kernels.ts";
import { type Exact, exactDerivative, exactLog1p, exactUnary, geluArgument, type Rounded } from "./exact.ts";
import { type Bound, ulp } from "./meter.ts";

/** The kernels of one mode, and the parts of them that are measured alone. */
export interface Measured extends Kernels {
  readonly expFlush: (n: number, x: Ptr, out: Ptr) => void;
  readonly log1p: (n: number, x: Ptr, out: Ptr) => void;
}

/** Where n numbers are and go: x, ones, out, and room for n more. */
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
  /** First and last of the bit patterns that it is meant for; all of them where it is not given. */
  readonly domain?: readonly [first: number, last: number];
}

const SMALLEST_NORMAL = 2 ** -126;

const ulps = (most: number): Bound => ({ unit: "ulp", sizeOf: ulp, most });
const EXACT = [ulps(0.5)]; // rounded once, as IEEE 754 says

/** ulp of the value or of a fixed size, whichever is larger: for a sum of terms of that size that may cancel. */
const ulpsFrom = (size: number, show: string, most: number): Bound => ({
  unit: `ulp of max(|y|, ${show})`,
  sizeOf: (y) => ulp(Math.max(Math.abs(y), size)),
  most,
});

/** What is below the normal numbers may be 0. */
const flushing = (most: number): Bound => ({
  ...ulps(most),
  unit: "ulp, or 0 for |y| < 2⁻¹²⁶",
  mayBeZero: (y) => Math.abs(y) < SMALLEST_NORMAL,
});

/** A rounding of u, which is large in the tail, is |u| roundings of e^u; and an e^u below the normal numbers is 0. */
const roundingsOfU: Bound = {
  unit: "2⁻²⁴·(2 + |u|)·|y|",
  sizeOf: (y, x) => Math.abs(y) * (2 + Math.abs(geluArgument(x))) * 2 ** -24,
  most: 3,
  mayBeZero: (_, x) => Math.exp(geluArgument(x)) < SMALLEST_NORMAL,
};

const UNARY_BOUNDS: Readonly<Record<Rounded, readonly Bound[]>> = {
  sqrt: EXACT,
  reciprocal: EXACT,
  exp: [ulps(2)],
  log: [ulps(1)],
  tanh: [ulps(2)],
  sigmoid: [ulps(2)],
  logSigmoid: [ulps(2)],
  softplus: [ulps(2)],
  gelu: [ulpsFrom(1 / 8, "1/8", 4), roundingsOfU],
};

const DERIVATIVE_BOUNDS: Readonly<Record<UnaryGradOp, readonly Bound[]>> = {
  tanh: [ulps(4)],
  sigmoid: [ulps(4)],
  logSigmoid: [ulps(2)],
  softplus: [ulps(2)],
  gelu: [ulpsFrom(1 / 4, "1/4", 4)],
};

const ROUNDED = UNARY.filter((op): op is Rounded => op in exactUnary);
const unary =
  (op: Rounded): Run =>
  ({ unary }, { n, x, out }) =>
    unary[op](n, x, out);
const derivative =
  (op: UnaryGradOp): Run =>
  ({ unaryGrad }, { n, x, ones, out }) =>
    unaryGrad[op](n, x, ones, out);

export const CHECKS: readonly Check[] = [
  ...ROUNDED.map((op) => ({
    name: op,
    run: unary(op),
    against: { exact: exactUnary[op] },
    bounds: UNARY_BOUNDS[op],
  })),
  ...UNARY_GRAD.map((op) => ({
    name: `${op} derivative`,
    run: derivative(op),
    against: { exact: exactDerivative[op] },
    bounds: DERIVATIVE_BOUNDS[op],
  })),
  {
    name: "geluWithDerivative, value",
    run: ({ geluWithDerivative }, { n, x, out, spare }) => geluWithDerivative(n, x, out, spare),
    against: { twin: unary("gelu") },
    bounds: EXACT,
  },
  {
    name: "geluWithDerivative, derivative",
    run: ({ geluWithDerivative }, { n, x, out, spare }) => geluWithDerivative(n, x, spare, out),
    against: { twin: derivative("gelu") },
    bounds: EXACT,
  },
  {
    name: "sigmoidTile", // σ(ℓ) of pairs that do not belong together: t = 1, b = 0, the diagonal beyond the tile
    run: (kernels, { n, x, out }) => {
      kernels.copy(n, x, out);
      kernels.sigmoidTile(1, n, out, 1, 0, n);
    },
    against: { exact: exactUnary.sigmoid },
    bounds: [flushing(2.5)],
  },
  {
    name: "expFlush",
    run: ({ expFlush }, { n, x, out }) => expFlush(n, x, out),
    against: { exact: exactUnary.exp },
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
