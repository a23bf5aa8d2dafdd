import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { portable, Rng } from "../../src/tensor/index.ts";
import * as exact from "../support/exactReal.ts";

const MOST = { numRuns: 2000 };

describe("portable functions", () => {
  it("exp errs by at most 1.5 ulp", () => {
    fc.assert(
      fc.property(fc.double({ min: -745, max: 709.7, noNaN: true }), (x) => {
        expect(exact.ulpsBetween(portable.exp(x), exact.exp(x))).toBeLessThanOrEqual(1.5);
      }),
      MOST,
    );
    expect([0, -800, 800, Number.NEGATIVE_INFINITY, Number.NaN].map(portable.exp)).toEqual([
      1,
      0,
      Infinity,
      0,
      Number.NaN,
    ]);
  });

  it("log errs by at most 3 ulp, near 1 and for subnormal numbers too", () => {
    const anywhere = fc.double({ min: 5e-324, max: 1.7e308, noNaN: true });
    const near1 = fc.double({ min: 0.5, max: 2, noNaN: true });
    fc.assert(
      fc.property(fc.oneof(anywhere, near1), (x) => {
        expect(exact.ulpsBetween(portable.log(x), exact.log(x))).toBeLessThanOrEqual(3);
      }),
      MOST,
    );
    for (const x of [1 + 1e-9, 1 - 1e-9, Math.SQRT2, Math.SQRT1_2, 5e-324]) {
      expect(exact.ulpsBetween(portable.log(x), exact.log(x))).toBeLessThanOrEqual(3);
    }
    expect([1, 0, -1, Infinity, Number.NaN].map(portable.log)).toEqual([
      0,
      -Infinity,
      Number.NaN,
      Infinity,
      Number.NaN,
    ]);
  });

  it("log1p errs by at most 5 ulp, however small or large a number is", () => {
    const sizes = fc.double({ min: -100, max: 1020, noNaN: true }).map((exponent) => 2 ** exponent);
    fc.assert(
      fc.property(fc.oneof(sizes, fc.double({ min: 2 ** -100, max: 4, noNaN: true })), (x) => {
        expect(exact.ulpsBetween(portable.log1p(x), exact.log1p(x))).toBeLessThanOrEqual(5);
      }),
      MOST,
    );
    expect([0, 5e-324, 1e-300, Infinity, Number.NaN].map(portable.log1p)).toEqual([
      0,
      5e-324,
      1e-300,
      Infinity,
      Number.NaN,
    ]);
  });

  it("cosSin errs by at most 1 ulp of 1, and is exact at quarters of a turn", () => {
    fc.assert(
      fc.property(fc.double({ min: -1e6, max: 1e6, noNaN: true }), (turns) => {
        const { cos, sin } = portable.cosSin(turns);
        const want = exact.cosSin(turns);
        expect(exact.ulpsBetween(cos, want.cos, 1)).toBeLessThanOrEqual(1);
        expect(exact.ulpsBetween(sin, want.sin, 1)).toBeLessThanOrEqual(1);
      }),
      MOST,
    );
    const quarters = [0, 0.25, 0.5, 0.75, -0.25].map((turns) => portable.cosSin(turns));
    expect(quarters.map(({ cos }) => cos + 0)).toEqual([1, 0, -1, 0, 0]);
    expect(quarters.map(({ sin }) => sin + 0)).toEqual([0, 1, 0, -1, -1]);
  });

  it("have known bits, and so do random numbers computed with them", () => {
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
