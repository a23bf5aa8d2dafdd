/** Comparisons of arrays that report the first difference. */
import { expect } from "vitest";

type Numbers = ArrayLike<number>;

/** Equal bits: −0 is not 0, NaN is NaN. */
export function expectSameBits(actual: Numbers, expected: Numbers, what = "values"): void {
  expect(actual.length, `length of ${what}`).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    if (!Object.is(actual[i], expected[i])) expect.fail(`${what}[${i}] is ${actual[i]}, not ${expected[i]}`);
  }
}

/** |actual − expected| ≤ bound, element by element; a bound may be one number for all. NaN is never within. */
export function expectWithin(actual: Numbers, expected: Numbers, bound: Numbers | number, what = "values"): void {
  expect(actual.length, `length of ${what}`).toBe(expected.length);
  for (let i = 0; i < actual.length; i++) {
    const limit = typeof bound === "number" ? bound : bound[i];
    if (!(Math.abs(actual[i] - expected[i]) <= limit)) {
      expect.fail(`${what}[${i}] is ${actual[i]}, not within ${limit} of ${expected[i]}`);
    }
  }
}
