import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { portable, Rng } from "../../src/tensor/index.ts";

const ULP = 2 ** -52;

describe("portable functions", () => {
  it("exp is within 2 ulp of Math.exp where the result is a normal number", () => {
    fc.assert(
      fc.property(fc.double({ min: -708, max: 709, noNaN: true }), (x) => {
        expect(Math.abs(portable.exp(x) / Math.exp(x) - 1)).toBeLessThanOrEqual(2 * ULP);
      }),
      { numRuns: 2000 },
    );
    expect([0, -800, 800, Number.NEGATIVE_INFINITY, Number.NaN].map(portable.exp)).toEqual([
      1,
      0,
      Infinity,
      0,
      Number.NaN,
    ]);
    expect(portable.exp(-745)).toBe(Math.exp(-745)); // the smallest subnormal
  });

  it("log is within 2 ulp of Math.log, at 1 and for subnormal numbers too", () => {
    fc.assert(
      fc.property(fc.double({ min: 5e-324, max: 1.7e308, noNaN: true }), (x) => {
        expect(Math.abs(portable.log(x) - Math.log(x))).toBeLessThanOrEqual(2 * ULP * Math.abs(Math.log(x)));
      }),
      { numRuns: 2000 },
    );
    for (const x of [1 + 1e-9, 1 - 1e-9, Math.SQRT2, Math.SQRT1_2, 5e-324]) {
      expect(Math.abs(portable.log(x) / Math.log(x) - 1)).toBeLessThanOrEqual(4 * ULP);
    }
    expect([1, 0, -1, Infinity, Number.NaN].map(portable.log)).toEqual([
      0,
      -Infinity,
      Number.NaN,
      Infinity,
      Number.NaN,
    ]);
  });

  it("cosSin is within 2 ulp of 1 of Math.cos and Math.sin, and exact at quarters of a turn", () => {
    fc.assert(
      fc.property(fc.double({ min: -3, max: 3, noNaN: true }), (turns) => {
        const { cos, sin } = portable.cosSin(turns);
        const reduced = (turns - Math.round(turns)) * 2 * Math.PI;
        expect(Math.abs(cos - Math.cos(reduced))).toBeLessThanOrEqual(3 * ULP);
        expect(Math.abs(sin - Math.sin(reduced))).toBeLessThanOrEqual(3 * ULP);
      }),
      { numRuns: 2000 },
    );
    const quarters = [0, 0.25, 0.5, 0.75, -0.25].map((turns) => portable.cosSin(turns));
    expect(quarters.map(({ cos }) => cos + 0)).toEqual([1, 0, -1, 0, 0]);
    expect(quarters.map(({ sin }) => sin + 0)).toEqual([0, 1, 0, -1, -1]);
  });

  it("has known bits, and random numbers made of it too", () => {
    expect(portable.exp(2)).toBe(7.38905609893065);
    expect(portable.log(3)).toBe(1.0986122886681098);
    const rng = new Rng(1).split("known");
    expect([rng.normal(), rng.normal(), rng.normal()]).toMatchInlineSnapshot(`
      [
        1.5169129006328703,
        0.11737865704854072,
        0.07551552920762933,
      ]
    `);
  });
});
