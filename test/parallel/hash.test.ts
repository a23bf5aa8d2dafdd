import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashBits } from "../../src/parallel/hash.ts";

const hex = (n: number): string => n.toString(16).padStart(8, "0");
const words = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 40 });
const asNumbers = (of: readonly number[]): Float32Array => new Float32Array(Int32Array.from(of).buffer);

describe("hashBits", () => {
  // 0.5, 1.5, 2.5, ... in f32 and f64, by the xxhash package of Python (4.1.0).
  it.each([
    [0, "02cc5d05", "02cc5d05"],
    [1, "9be456df", "7418a721"],
    [2, "6ba9967d", "94c1c699"],
    [3, "5b8791b2", "dc1c5c5e"],
    [4, "0d7777bd", "83cebdef"],
    [5, "6abfdf88", "955c2998"],
    [7, "ac68bf4d", "0d676e75"],
    [8, "650d5258", "fea42d12"],
    [17, "b43d9c72", "3ce8eff6"],
    [1000, "258f3787", "2b56a54a"],
  ])("is xxHash32: of %i numbers", (length, f32, f64) => {
    const numbers = Array.from({ length }, (_, i) => i + 0.5);
    expect(hex(hashBits(Float32Array.from(numbers)))).toBe(f32);
    expect(hex(hashBits(Float64Array.from(numbers)))).toBe(f64);
  });

  it("changes with any change of one word", () => {
    fc.assert(
      fc.property(words, fc.nat(), fc.integer({ min: 1, max: 2 ** 32 - 1 }), (before, place, change) => {
        const after = [...before];
        after[place % before.length] ^= change;
        expect(hashBits(asNumbers(after))).not.toBe(hashBits(asNumbers(before)));
      }),
    );
  });

  it("distinguishes NaNs of different bits, and 0 from −0", () => {
    expect(hashBits(asNumbers([0x7fc00000]))).not.toBe(hashBits(asNumbers([0x7fc00001])));
    expect(hashBits(Float32Array.of(0))).not.toBe(hashBits(Float32Array.of(-0)));
  });

  it("changes when two words of a lane change sign, are swapped, or a word is appended", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 1, max: 9 }), { minLength: 5, maxLength: 24 }), (all) => {
        const x = Float32Array.from(all);
        const negated = x.map((value, i) => (i % 4 === 0 ? -value : value));
        expect(hashBits(negated)).not.toBe(hashBits(x));
        const turned = x.toReversed();
        if (turned.some((value, i) => value !== x[i])) expect(hashBits(turned)).not.toBe(hashBits(x));
        expect(hashBits(Float32Array.of(...x, 0))).not.toBe(hashBits(x));
      }),
    );
  });
});
