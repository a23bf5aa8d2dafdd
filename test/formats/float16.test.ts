/** 16-bit floats: every bit pattern, and rounding against arithmetic in float64. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bfloat16FromBits, bfloat16ToBits, float16FromBits, float16ToBits } from "../../src/formats/index.ts";

const floats = new Float32Array(1);
const words = new Uint32Array(floats.buffer);
const floatOf = (bits: number): number => {
  words[0] = bits;
  return floats[0];
};
const bitsOf = (value: number): number => {
  floats[0] = value;
  return words[0];
};

/** The definition: (−1)^s · 2^(e−bias) · 1.m, or 2^(1−bias) · 0.m when e is 0. */
function decode(bits: number, exponentBits: number, mantissaBits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> mantissaBits) & (2 ** exponentBits - 1);
  const fraction = (bits & (2 ** mantissaBits - 1)) / 2 ** mantissaBits;
  const bias = 2 ** (exponentBits - 1) - 1;
  if (exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias);
}

describe.each([
  { name: "float16", toBits: float16ToBits, fromBits: float16FromBits, exponentBits: 5, mantissaBits: 10 },
  { name: "bfloat16", toBits: bfloat16ToBits, fromBits: bfloat16FromBits, exponentBits: 8, mantissaBits: 7 },
])("$name", ({ toBits, fromBits, exponentBits, mantissaBits }) => {
  it("widens all 65,536 patterns to the value of the definition", () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const wide = floatOf(toBits(bits));
      if (!Object.is(wide, decode(bits, exponentBits, mantissaBits)))
        throw new Error(`0x${bits.toString(16)} → ${wide}`);
    }
  });

  it("returns all 65,536 patterns after widening and narrowing", () => {
    for (let bits = 0; bits < 65_536; bits++) {
      const back = fromBits(toBits(bits));
      if (back !== bits) throw new Error(`0x${bits.toString(16)} came back as 0x${back.toString(16)}`);
    }
  });

  it("narrows to the nearest, ties to even: no neighbour is nearer", () => {
    const infinity = (2 ** exponentBits - 1) * 2 ** mantissaBits;
    const top = 2 ** (2 ** (exponentBits - 1)); // infinity stands where the next finite number would be
    const place = (n: number): number => Math.min(decode(n, exponentBits, mantissaBits), top);
    const checkNearest = (bits: number): void => {
      const value = floatOf(bits);
      const narrow = fromBits(bits);
      if (Number.isNaN(value)) {
        expect(decode(narrow, exponentBits, mantissaBits)).toBeNaN();
        return;
      }
      if (narrow >>> 15 !== bits >>> 31) throw new Error(`${value} → 0x${narrow.toString(16)} changes the sign`);
      const magnitude = narrow & 0x7fff;
      const distance = (n: number): number => Math.abs(place(n) - Math.min(Math.abs(value), top));
      for (const neighbour of [magnitude - 1, magnitude + 1]) {
        if (neighbour < 0 || neighbour > infinity) continue;
        const nearer = distance(magnitude) < distance(neighbour);
        const tie = distance(magnitude) === distance(neighbour) && magnitude % 2 === 0;
        if (!nearer && !tie)
          throw new Error(`${value} → 0x${narrow.toString(16)}, 0x${neighbour.toString(16)} is nearer`);
      }
    };
    for (let n = 0; n < infinity; n++) {
      const middle = bitsOf((place(n) + place(n + 1)) / 2);
      for (const near of [middle - 1, middle, middle + 1]) if (near >= 0) checkNearest(near);
    }
    fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), checkNearest), { numRuns: 2000 });
  });
});

it("known values are narrowed as in IEEE 754", () => {
  expect(float16FromBits(bitsOf(1))).toBe(0x3c00);
  expect(float16FromBits(bitsOf(65_519.99))).toBe(0x7bff);
  expect(float16FromBits(bitsOf(65_520))).toBe(0x7c00);
  expect(float16FromBits(bitsOf(2 ** -25))).toBe(0); // a tie between 0 and the smallest subnormal
  expect(float16FromBits(bitsOf(-(2 ** -24)))).toBe(0x8001);
  expect(bfloat16FromBits(bitsOf(1))).toBe(0x3f80);
  expect(bfloat16FromBits(0x3f808000)).toBe(0x3f80); // ties to even
  expect(bfloat16FromBits(0x3f818000)).toBe(0x3f82);
});
