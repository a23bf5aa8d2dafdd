import fc from "fast-check";
import { expect, test } from "vitest";
import { MOST_SEEDS, summarize } from "../../speedrun/statistics.ts";

const values = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 2, maxLength: MOST_SEEDS });

test("the interval of five values is their mean ± 2.7764451·s/√5", () => {
  const { mean, low, high } = summarize([0.3, 0.31, 0.29, 0.32, 0.33]);
  expect(mean).toBeCloseTo(0.31, 12);
  expect(low).toBeCloseTo(0.31 - 2.7764451 * Math.sqrt(0.001 / 4 / 5), 5);
  expect(high).toBeCloseTo(0.31 + 2.7764451 * Math.sqrt(0.001 / 4 / 5), 5);
});

test("the mean is in the middle of the interval, which moves and grows with the values", () => {
  fc.assert(
    fc.property(values, fc.double({ min: 0.5, max: 2, noNaN: true }), (xs, factor) => {
      const { mean, low, high } = summarize(xs);
      expect((low + high) / 2).toBeCloseTo(mean, 10);
      const scaled = summarize(xs.map((x) => factor * x + 1));
      expect(scaled.low).toBeCloseTo(factor * low + 1, 10);
      expect(scaled.high).toBeCloseTo(factor * high + 1, 10);
    }),
  );
});

test("more seeds of the same spread narrow the interval", () => {
  const width = (n: number): number => {
    const { low, high } = summarize(Array.from({ length: n }, (_, i) => i % 2));
    return high - low;
  };
  for (let n = 4; n <= MOST_SEEDS; n += 2) expect(width(n)).toBeLessThan(width(n - 2));
});

test("one value says nothing about the spread", () => {
  expect(summarize([0.3])).toEqual({ mean: 0.3, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY });
});
