/**
 * eˣ, log x, log(1 + x), cos and sin of f64 numbers to some forty digits, in integers, and the distance of an f64 from them.
 *
 * A number is m·2ᵉ. Sums of series are integers in units of 2⁻ᴾ, P = 192; reductions as in portable.ts:
 * x = k·ln 2 + r for eˣ, quarters of a turn for cos and sin. log x = y + log(x/eʸ), y the engine's logarithm, whose error
 * is of the order of 2⁻⁵².
 */

/** m·2ᵉ */
export interface Real {
  readonly m: bigint;
  readonly e: number;
}

const P = 192;
const ONE = 1n << BigInt(P);

/** m·2ᵉ of an f64, exactly. */
function fromNumber(x: number): Real {
  const bits = new BigUint64Array(Float64Array.of(x).buffer)[0];
  const exponent = Number((bits >> 52n) & 0x7ffn);
  const fraction = bits & 0xfffffffffffffn;
  const m = exponent === 0 ? fraction : fraction | (1n << 52n);
  return { m: x < 0 ? -m : m, e: Math.max(1, exponent) - 1075 };
}

const shift = (m: bigint, by: number): bigint => (by >= 0 ? m << BigInt(by) : m >> BigInt(-by));
/** The number in units of 2⁻ᴾ, truncated. */
const fixed = ({ m, e }: Real): bigint => shift(m, e + P);
const product = (a: bigint, b: bigint): bigint => (a * b) >> BigInt(P);

/** Σ termₙ, each computed from the previous one, until one is 0. */
function series(first: bigint, next: (term: bigint, n: bigint) => bigint): bigint {
  let sum = 0n;
  let n = 1n;
  for (let term = first; term !== 0n && term !== -1n; term = next(term, n++)) sum += term;
  return sum;
}

/** arctan(1/n) */
function arcCotangent(n: bigint): bigint {
  let sum = 0n;
  let sign = 1n;
  let power = ONE / n;
  for (let k = 1n; power !== 0n; k += 2n) {
    sum += (sign * power) / k;
    power /= n * n;
    sign = -sign;
  }
  return sum;
}

const PI = 16n * arcCotangent(5n) - 4n * arcCotangent(239n); // Machin 1706
const LN2 = Array.from({ length: P }, (_, i) => (ONE >> BigInt(i + 1)) / BigInt(i + 1)).reduce((a, b) => a + b);

export function exp(x: number): Real {
  const k = Math.round(x / Math.LN2);
  const r = fixed(fromNumber(x)) - BigInt(k) * LN2;
  return { m: series(ONE, (term, n) => product(term, r) / n), e: k - P };
}

export const log = (x: number): Real => logNear(fromNumber(x), Math.log(x));

export function log1p(x: number): Real {
  const { m, e } = fromNumber(x);
  const sum = e < 0 ? { m: m + (1n << BigInt(-e)), e } : { m: shift(m, e) + 1n, e: 0 };
  return logNear(sum, Math.log1p(x));
}

/** The logarithm, from that of the engine. */
function logNear(exact: Real, y: number): Real {
  const near = exp(y);
  const d = shift(exact.m, P + exact.e - near.e) / near.m - ONE;
  const d2 = product(d, d);
  const d3 = product(d2, d);
  return { m: fixed(fromNumber(y)) + d - d2 / 2n + d3 / 3n, e: -P }; // d⁴ < 2⁻²⁰⁰
}

/** cos and sin of an angle in turns. */
export function cosSin(turns: number): { readonly cos: Real; readonly sin: Real } {
  const t = fixed(fromNumber(turns));
  const quarters = (4n * t + ONE / 2n) >> BigInt(P);
  const angle = product(t - (quarters * ONE) / 4n, 2n * PI);
  const square = product(angle, angle);
  const cos = series(ONE, (term, n) => -product(term, square) / (2n * n * (2n * n - 1n)));
  const sin = series(angle, (term, n) => -product(term, square) / (2n * n * (2n * n + 1n)));
  const turned = [[cos, sin], [-sin, cos], [-cos, -sin], [sin, -cos]][Number(((quarters % 4n) + 4n) % 4n)]; // biome-ignore format: a quarter each
  return { cos: { m: turned[0], e: -P }, sin: { m: turned[1], e: -P } };
}

const LOWEST = -1022; // the exponent of the smallest normal f64

/** |got − exact|, to a thousandth, in units in the last place of f64 at the exact value, or at `size` if that is larger. */
export function ulpsBetween(got: number, exact: Real, size = 0): number {
  const value = fromNumber(got);
  const difference = shift(value.m, value.e - exact.e) - exact.m;
  const digits = (exact.m < 0n ? -exact.m : exact.m).toString(2).length;
  const exponent = Math.max(LOWEST, digits - 1 + exact.e, size > 0 ? Math.floor(Math.log2(size)) : LOWEST);
  const unit = exponent - 52 - exact.e; // in units of 2^exact.e, as a power of two
  return Math.abs(Number(shift(difference * 1000n, -unit))) / 1000;
}
