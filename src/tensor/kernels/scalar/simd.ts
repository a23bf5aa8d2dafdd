/**
 * The functions of a network and their derivatives on four numbers at once. Nothing overflows, and nothing cancels where the
 * result is small: everything goes through e = exp(−|x|), which lies in [0, 1], and w = e/(1 + e), which is the smaller one
 * of σ(x) and σ(−x).
 *
 *     σ(x) = 1 − w for x ≥ 0, w = e − e·w below      σ′(x) = w − w²
 *     softplus(x) = max(x, 0) + log(1 + e)           logσ(x) = min(x, 0) − log(1 + e) = −softplus(−x)
 *     gelu(x) = ½·x·(1 + tanh(u/2)) = x·σ(u)         u = 2·√(2/π)·(x + 0.044715·x³)
 *     geluErf(x) = x·Φ(x)         Φ(−|x|) = exp(−x²/2)·P(s), s = |x|/(1 + 0.3·|x|), P a polynomial; Φ(x) = 1 − Φ(−x)
 *     tanh|x| = 1 − 2w(2|x|), below 0.55 a polynomial
 *
 * Between equivalent forms, the more accurate one is used: a quotient near 1 has three roundings, 1 − w one.
 * A formula that takes a local x reads it more than once. gelu: Hendrycks & Gimpel 2016, arXiv:1606.08415, tanh form.
 */
import { type Code, type Expr, type F32x4, type Local, seq } from "../../wasm/assembler.ts";
import {
  abs, add, bitselect, div, f32x4, gt, i32x4, lt, madd, mul, neg, nmadd, or, pmax, pmin, sub,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { exp, expFlush, log1pParts, polynomial } from "./exp.ts";

type X = Local<"f32x4">;

const ONE = f32x4.const(1);
const SIGN = i32x4.const(0x80000000);
const U1 = 2 * Math.sqrt(2 / Math.PI); // u = x·(U1 + U3·x²)
const U3 = U1 * 0.044715;

/** (tanh x / x − 1) / x² on |x| ≤ 0.56, in powers of x²; tanh to 1.4e-9. Minimax, like those of exp.ts. */
const TANH = [-0.333333135, 0.13332437, -0.0538357571, 0.021000376, -0.00616961345];

/** −1, 0 or 1; ±0 and NaN stay. */
export const sign = (x: X): F32x4 => bitselect(gt(abs(x), 0), bitselect(SIGN, x, ONE), x);

/** Φ(−x)·exp(x²/2) on 0 ≤ x ≤ 13.3, in powers of s = x/(1 + TAIL_SCALE·x); to 3.4e-9 of the value. */
const TAIL = [
  0.5, -0.398942202, 0.130316108, -0.0188789219, -0.000472584768, 0.000392663409, -6.84299312e-6, 1.19854412e-5,
  -9.06301284e-6, 1.77820982e-6, -1.16913021e-7,
];
const TAIL_SCALE = 0.3;
const DENSITY = 1 / Math.sqrt(2 * Math.PI); // φ(0)

const isNegative = (x: X): Expr<"i32x4"> => lt(x, 0);
/** −|x|: one operation, since it sets the sign. */
export const minusAbs = (x: F32x4): F32x4 => f32x4.reinterpret(or(i32x4.reinterpret(x), SIGN));
const expOfMinusAbs = (x: X): F32x4 => exp(minusAbs(x));
const smallerShare = (e: X): F32x4 => div(e, add(e, 1));

export function sigmoid(x: X): F32x4 {
  const [e, w, larger] = [f32x4.local(), f32x4.local(), f32x4.local()];
  return seq(
    [e.set(expOfMinusAbs(x)), w.set(smallerShare(e)), larger.set(bitselect(isNegative(x), e, ONE))],
    nmadd(larger, w, larger),
  );
}

export function sigmoidDerivative(x: X): F32x4 {
  const [e, w] = [f32x4.local(), f32x4.local()];
  return seq([e.set(expOfMinusAbs(x)), w.set(smallerShare(e))], nmadd(w, w, w));
}

export function tanh(x: X): F32x4 {
  const [e, x2] = [f32x4.local(), f32x4.local()];
  const small = madd(mul(x, x2), polynomial(x2, TANH), x);
  const large = nmadd(smallerShare(e), 2, ONE);
  return seq(
    [e.set(expFlush(mul(abs(x), -2))), x2.set(mul(x, x))],
    bitselect(SIGN, x, bitselect(lt(abs(x), 0.55), small, large)), // the sign of x, also of −0
  );
}

/** tanh′(x) = 4·σ′(2x) */
export function tanhDerivative(x: X): F32x4 {
  const twice = f32x4.local();
  return seq(twice.set(add(x, x)), mul(sigmoidDerivative(twice), 4));
}

/** Adds e last to max(x, 0) and e²·q: it is the largest term where x is small. */
export function softplus(x: X): F32x4 {
  const e = f32x4.local();
  const { code, x2, q } = log1pParts(e);
  return seq([e.set(expOfMinusAbs(x)), code], add(madd(x2, q, pmax(x, 0)), e));
}
export const softplusDerivative = sigmoid;

export function logSigmoid(x: X): F32x4 {
  const e = f32x4.local();
  const { code, x2, q } = log1pParts(e);
  return seq([e.set(expOfMinusAbs(x)), code], sub(nmadd(x2, q, pmin(x, 0)), e));
}
/** logσ′(x) = σ(−x) */
export function logSigmoidDerivative(x: X): F32x4 {
  const minus = f32x4.local();
  return seq(minus.set(neg(x)), sigmoid(minus));
}

/** σ(u), from u and e = exp(−|u|); w = e/(1 + e) is σ(−|u|) itself. */
const sigmoidOf = (u: X, w: X): F32x4 => bitselect(isNegative(u), w, sub(ONE, w));

/** Below −16 all results are 0: x is clamped there, so that ∞·0 does not occur. */
export function gelu(x: X): F32x4 {
  const [z, u, e, w] = [f32x4.local(), f32x4.local(), f32x4.local(), f32x4.local()];
  return seq(
    [z.set(pmax(x, -16)), u.set(mul(z, madd(mul(z, z), U3, U1))), e.set(expFlush(minusAbs(u))), w.set(smallerShare(e))],
    mul(z, sigmoidOf(u, w)),
  );
}

/**
 * gelu′(x) = σ(u) + x·u′·σ′(u), u′ = U1 + 3·U3·x²; beyond ±16 it is 0 or 1. The value comes from the same σ(u), with the bits
 * of `gelu`. `code` comes before both.
 */
export function geluWithDerivative(x: X): { code: Code; value: F32x4; derivative: F32x4 } {
  const [low, z, z2, u, e, w, share] = Array.from({ length: 7 }, () => f32x4.local());
  return {
    code: [
      low.set(pmax(x, -16)),
      z.set(pmin(low, 16)),
      z2.set(mul(z, z)),
      u.set(mul(z, madd(z2, U3, U1))),
      e.set(expFlush(minusAbs(u))),
      w.set(smallerShare(e)),
      share.set(sigmoidOf(u, w)),
    ],
    value: mul(low, share),
    derivative: madd(mul(z, madd(z2, 3 * U3, U1)), nmadd(w, w, w), share),
  };
}
export function geluDerivative(x: X): F32x4 {
  const { code, derivative } = geluWithDerivative(x);
  return seq(code, derivative);
}

/** geluErf′(x) = Φ(x) + x·φ(x); beyond ±16 it is 0 or 1. The value comes from the same Φ. `code` comes before both. */
export function geluErfWithDerivative(x: X): { code: Code; value: F32x4; derivative: F32x4 } {
  const [z, e, s, tail, phi] = Array.from({ length: 5 }, () => f32x4.local());
  return {
    code: [
      z.set(pmax(pmin(x, 16), -16)),
      e.set(expFlush(mul(mul(z, z), -0.5))),
      s.set(div(abs(z), madd(abs(z), TAIL_SCALE, ONE))), // small where x is small, and so are its errors
      tail.set(mul(polynomial(s, TAIL), e)),
      phi.set(bitselect(isNegative(z), tail, sub(ONE, tail))),
    ],
    value: mul(pmax(x, -16), phi),
    derivative: madd(mul(z, e), DENSITY, phi),
  };
}
export function geluErf(x: X): F32x4 {
  const { code, value } = geluErfWithDerivative(x);
  return seq(code, value);
}
export function geluErfDerivative(x: X): F32x4 {
  const { code, derivative } = geluErfWithDerivative(x);
  return seq(code, derivative);
}
