/**
 * Largest errors allowed of the f32 functions of one number, as claimed in docs/ACCURACY.md.
 *
 * By default a value errs by at most 2 ulp and a derivative by at most 4.
 */
import type { UnaryGradOp, UnaryOp } from "../../src/tensor/kernels/scalar/unary.ts";
import { geluArgument } from "./exact.ts";
import { type Bound, ulp } from "./meter.ts";

const SMALLEST_NORMAL = 2 ** -126;

export const ulps = (most: number): Bound => ({ unit: "ulp", sizeOf: ulp, most });
/** Rounded once, as IEEE 754 says. */
export const EXACT = [ulps(0.5)];

/** ulp of the value or of a fixed size, whichever is larger: for a sum of terms of that size that may cancel. */
const ulpsFrom = (size: number, show: string, most: number): Bound => ({
  unit: `ulp of max(|y|, ${show})`,
  sizeOf: (y) => ulp(Math.max(Math.abs(y), size)),
  most,
});

/** Results below the normal numbers may be 0. */
export const flushing = (most: number): Bound => ({
  ...ulps(most),
  unit: "ulp, or 0 for |y| < 2⁻¹²⁶",
  mayBeZero: (y) => Math.abs(y) < SMALLEST_NORMAL,
});

/** One rounding of u, which is large in the tail, is |u| roundings of e^u; an e^u below the normal numbers may be 0. */
const roundingsOf = (show: string, u: (x: number) => number): Bound => ({
  unit: `2⁻²⁴·(2 + ${show})·|y|`,
  sizeOf: (y, x) => Math.abs(y) * (2 + Math.abs(u(x))) * 2 ** -24,
  most: 3,
  mayBeZero: (_, x) => x < 0 && Math.exp(-Math.abs(u(x))) < SMALLEST_NORMAL,
});

const VALUES: { readonly [op in UnaryOp]?: readonly Bound[] } = {
  neg: EXACT,
  abs: EXACT,
  sign: EXACT,
  square: EXACT,
  sqrt: EXACT,
  log: [ulps(1)],
  gelu: [ulpsFrom(1 / 8, "1/8", 4), roundingsOf("|u|", geluArgument)],
  geluErf: [ulpsFrom(1 / 8, "1/8", 5), roundingsOf("x²/2", (x) => (x * x) / 2)],
};

const DERIVATIVES: { readonly [op in UnaryGradOp]?: readonly Bound[] } = {
  logSigmoid: [ulps(2)],
  softplus: [ulps(2)],
  gelu: [ulpsFrom(1 / 4, "1/4", 4)],
  geluErf: [ulpsFrom(1 / 4, "1/4", 4)],
};

export const boundsOf = (op: UnaryOp): readonly Bound[] => VALUES[op] ?? [ulps(2)];
export const derivativeBoundsOf = (op: UnaryGradOp): readonly Bound[] => DERIVATIVES[op] ?? [ulps(4)];
