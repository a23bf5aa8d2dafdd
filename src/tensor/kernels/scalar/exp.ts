/**
 * eˣ, log x and log(1 + x) on four numbers at once, as expressions to build kernels from.
 *
 *     eˣ = 2ᵏ·eʳ           k = round(x / ln 2), r = x − k·ln 2, |r| ≤ ½·ln 2; eʳ is a polynomial
 *     log x = k·ln 2 + log(1 + f)      x = 2ᵏ·(1 + f), √½ ≤ 1 + f < √2; log(1 + f) is a polynomial
 *
 * k needs no conversion: adding ROUND = 1.5·2²³ to a small number leaves its nearest integer in the low bits of the sum.
 * NaN in gives NaN out; each function documents the ends of its range. A formula that uses a variable more than once takes
 * it as a local.
 *
 * Polynomials are minimax fits on the reduced range, the low coefficients rounded to float32 before the rest was fitted.
 * Cody & Waite 1980, Software Manual for the Elementary Functions (the two-part ln 2).
 */
import { type Code, type Expr, type F32x4, type Local, type Operand, seq } from "../../wasm/assembler.ts";
import {
  add,
  and,
  bitselect,
  eq,
  f32x4,
  gt,
  i32x4,
  lt,
  madd,
  mul,
  nmadd,
  pmax,
  pmin,
  shl,
  shr,
  sub,
} from "../../wasm/instructions.ts";

const LOG2E = Math.LOG2E;
const LN2_HI = 0.693359375; // 355/512: k·LN2_HI is exact in float32
const LN2_LO = -2.121944400546906e-4; // ln 2 − LN2_HI
const ROUND = 12582912; // 1.5·2²³: float32 numbers of this size are the integers
const MANTISSA_BITS = 23;
const EXPONENT_BIAS = 127; // a float32 with the bits (k + 127) << 23 is 2ᵏ

const SQRT_HALF = 0x3f3504f3; // the bits of √½ in float32
const ONE = 0x3f800000; // those of 1

/** (eʳ − 1 − r) / r² on |r| ≤ ½·ln 2; eʳ to 3.2e-9. */
const EXP = [0.49999994, 0.166665196, 0.0416682772, 0.0083688749, 0.00138202542];
/** (log(1 + f) − f + f²/2) / f³ on [√½ − 1, √2 − 1]; the logarithm to 5.9e-9. */
const LOG = [0.333333313, -0.250008196, 0.200012416, -0.166234091, 0.1420158, -0.131596103, 0.127622172, -0.0763643906];
/** (log(1 + x) − x) / x² on [0, 1], in powers of x − LOG1P_CENTRE, where it is almost a float32; to 5.8e-9. */
const LOG1P = [
  -0.375706524, 0.176703975, -0.0911680833, 0.0495374389, -0.0277971439, 0.0158631038, -0.00952865928, 0.00652922643,
  -0.00329835084,
];
const LOG1P_CENTRE = 526 / 1024;

/** Σ cᵢ·xⁱ of a local x. Pairs of terms, then pairs of pairs (Estrin): the chain of dependent operations is short. */
export function polynomial(x: Local<"f32x4">, coefficients: readonly number[]): F32x4 {
  const powers: Code[] = [];
  let power = x;
  let terms: Operand<"f32x4">[] = [...coefficients];
  while (terms.length > 1) {
    const p = power;
    const pairs = Array.from({ length: Math.ceil(terms.length / 2) }, (_, i) => terms.slice(2 * i, 2 * i + 2));
    terms = pairs.map(([low, high]) => (high === undefined ? low : madd(p, high, low)));
    power = f32x4.local();
    if (terms.length > 1) powers.push(power.set(mul(p, p)));
  }
  return seq(powers, terms[0] as F32x4);
}

/** x = k·ln 2 + r. `bits` are those of an integer that ends in k + bias. */
function reduce(x: Local<"f32x4">, bias: number): { code: Code; r: Local<"f32x4">; bits: Expr<"i32x4"> } {
  const sum = f32x4.local();
  const k = f32x4.local();
  const r = f32x4.local();
  const code = [
    sum.set(madd(x, LOG2E, ROUND + bias)),
    k.set(sub(sum, ROUND + bias)),
    r.set(nmadd(k, LN2_LO, nmadd(k, LN2_HI, x))),
  ];
  return { code, r, bits: i32x4.reinterpret(sum) };
}

/** eʳ for |r| ≤ ½·ln 2; the 1 is added last, so that its rounding is the only one of its size. */
function expReduced(r: Local<"f32x4">): F32x4 {
  const r2 = f32x4.local();
  const [c2, c3, c4, c5, c6] = EXP;
  const low = madd(r, c3, c2);
  const high = madd(r2, c6, madd(r, c5, c4));
  return seq(r2.set(mul(r, r)), add(madd(r2, madd(r2, high, low), r), 1));
}

/** eˣ, subnormal results included; 0 below −103.98, ∞ above 88.73. */
export function exp(x: F32x4): F32x4 {
  const z = f32x4.local();
  const half = i32x4.local();
  // 2ᵏ as two factors, since k reaches from −150 to 128: exponents ⌊(k + 254) / 2⌋ and the remainder of k + 254.
  const { code, r, bits } = reduce(z, 2 * EXPONENT_BIAS);
  const rest = sub(shl(bits, MANTISSA_BITS), half);
  return seq(
    [z.set(pmax(pmin(x, 89), -104)), code, half.set(shl(shr(bits, 1), MANTISSA_BITS))],
    mul(mul(expReduced(r), f32x4.reinterpret(half)), f32x4.reinterpret(rest)),
  );
}

/** eˣ for x ≤ 0, four operations shorter: results below the normal numbers (x < −87.68) are 0. */
export function expFlush(x: F32x4): F32x4 {
  const z = f32x4.local();
  const { code, r, bits } = reduce(z, EXPONENT_BIAS);
  const scale = f32x4.reinterpret(shl(bits, MANTISSA_BITS)); // k = −127 makes it 0
  return seq([z.set(pmax(x, -88)), code], mul(expReduced(r), scale));
}

/** log x; log ±0 = −∞, log ∞ = ∞, NaN for negative numbers. */
export function log(x: F32x4): F32x4 {
  const [z, f, f2, k, y] = [f32x4.local(), f32x4.local(), f32x4.local(), f32x4.local(), f32x4.local()];
  const bits = i32x4.local();
  const tiny = i32x4.local();
  const SMALLEST_NORMAL = 2 ** -126;
  return seq(
    [
      z.set(x),
      // A subnormal number has no exponent: scale it by 2²⁴.
      tiny.set(lt(z, SMALLEST_NORMAL)),
      bits.set(sub(i32x4.reinterpret(bitselect(tiny, mul(z, 2 ** 24), z)), SQRT_HALF)),
      k.set(sub(f32x4.convert(shr(bits, MANTISSA_BITS)), f32x4.reinterpret(and(tiny, 0x41c00000)))), // bits of 24
      f.set(sub(f32x4.reinterpret(add(and(bits, 0x7fffff), SQRT_HALF)), 1)),
      f2.set(mul(f, f)),
      // f − ½f² + f³·q(f), then the two parts of k·ln 2 from small to large
      y.set(madd(mul(f2, f), polynomial(f, LOG), nmadd(f2, 0.5, mul(k, LN2_LO)))),
      y.set(madd(k, LN2_HI, add(y, f))),
      // The ends: ∞ and NaN stay, 0 gives −∞, negative numbers give NaN.
      y.set(bitselect(gt(f32x4.const(Number.POSITIVE_INFINITY), z), y, z)),
      y.set(bitselect(eq(z, 0), f32x4.const(Number.NEGATIVE_INFINITY), y)),
    ],
    bitselect(lt(z, 0), f32x4.const(Number.NaN), y),
  );
}

/** log(1 + x) for a local x of 0 to 2¹²⁶; off by at most 1.5 ulp, however small x is. */
export function log1p(x: Local<"f32x4">): F32x4 {
  const [f, k, y, scale] = [f32x4.local(), f32x4.local(), f32x4.local(), f32x4.local()];
  const bits = i32x4.local();
  return seq(
    [
      bits.set(sub(i32x4.reinterpret(add(x, 1)), SQRT_HALF)),
      k.set(f32x4.convert(shr(bits, MANTISSA_BITS))),
      scale.set(f32x4.reinterpret(sub(i32x4.const(ONE), and(bits, 0xff800000)))), // 2⁻ᵏ
      f.set(madd(x, scale, sub(scale, 1))), // x itself where k = 0
      y.set(mul(f, f)),
      y.set(madd(mul(y, f), polynomial(f, LOG), nmadd(y, 0.5, mul(k, LN2_LO)))),
    ],
    madd(k, LN2_HI, add(y, f)),
  );
}

/** log(1 + x) = x + x²·q for a local x of 0 to 1; the caller chooses the order of the terms. */
export function log1pParts(x: Local<"f32x4">): { code: Code; x2: F32x4; q: F32x4 } {
  const centred = f32x4.local();
  const [first, ...rest] = LOG1P; // the largest term is added last, for one rounding less of its size
  return {
    code: centred.set(sub(x, LOG1P_CENTRE)),
    x2: mul(x, x),
    q: madd(polynomial(centred, rest), centred, first),
  };
}
