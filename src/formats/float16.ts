/**
 * 16-bit floats as bits: float16 (IEEE binary16: 5 exponent bits, bias 15) and bfloat16 (the upper half of a float32).
 *
 * Widening is exact. Narrowing rounds to nearest, ties to even, and keeps NaN: adding 0111…1 and the last kept bit before
 * truncation rounds up exactly if the dropped part is above a half, or is a half and the kept part is odd.
 */

/** The float32 bits of a bfloat16. */
export const bfloat16ToBits = (bits: number): number => (bits << 16) >>> 0;

/** The bfloat16 nearest to a float32, both as bits. */
export function bfloat16FromBits(bits: number): number {
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | (bits & 0x7f0000 ? 0 : 1); // NaN stays NaN without its low bits
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The float32 bits of a float16. */
export function float16ToBits(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0; // infinity, NaN
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0; // 112 = 127 − 15
  if (mantissa === 0) return sign >>> 0;
  const shift = Math.clz32(mantissa) - 21; // subnormal here, normal in float32
  return (sign | ((113 - shift) << 23) | (((mantissa << shift) & 0x3ff) << 13)) >>> 0;
}

/** The float16 nearest to a float32, both as bits. */
export function float16FromBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7c00 | ((magnitude >>> 13) & 0x3ff || 1); // NaN
  if (magnitude >= 0x477ff000) return sign | 0x7c00; // from 65520 on, infinity is nearest
  if (magnitude >= 0x38800000) {
    const rebased = magnitude - (112 << 23); // from 2^-14 on: normal in float16
    return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13);
  }
  const shift = 126 - (magnitude >>> 23); // the value is significand / 2^shift · 2^-24
  if (shift > 24) return sign;
  const significand = (magnitude & 0x7fffff) | 0x800000;
  return sign | ((significand + 2 ** (shift - 1) - 1 + ((significand >>> shift) & 1)) >>> shift);
}
