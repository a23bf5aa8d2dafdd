import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearScale, logScale, logTicks, multiples, showTick, tickStep } from "../../src/report/scale.ts";

const span = fc.double({ min: 1e-6, max: 1e9, noNaN: true });
const value = fc.double({ min: -1e9, max: 1e9, noNaN: true });

describe("tickStep", () => {
  it("is 1, 2 or 5 times a power of ten and gives the wanted number of steps within a factor of 1.6", () => {
    fc.assert(
      fc.property(span, fc.integer({ min: 1, max: 20 }), (span, count) => {
        const step = tickStep(span, count);
        const lead = step / 10 ** Math.floor(Math.log10(step) + 1e-9);
        expect([1, 2, 5].some((round) => Math.abs(lead - round) < 1e-9)).toBe(true);
        expect(span / step).toBeGreaterThan(count / 1.6);
        expect(span / step).toBeLessThan(count * 1.6);
      }),
    );
  });
});

describe("multiples", () => {
  it("are free of rounding errors", () => {
    expect(multiples(0, 0.7, 0.1)).toEqual([0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    expect(multiples(-1, 1, 0.5)).toEqual([-1, -0.5, 0, 0.5, 1]);
    expect(multiples(3, 4800, 1000)).toEqual([1000, 2000, 3000, 4000]);
  });
});

describe("linearScale", () => {
  it("holds every value between its first and last tick, which lie at the ends", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1 }), (values) => {
        const scale = linearScale(values, 200, 0, 5);
        const [low, high] = scale.domain;
        expect(scale.at(low)).toBeCloseTo(200, 6);
        expect(scale.at(high)).toBeCloseTo(0, 6);
        for (const v of values) {
          expect(scale.at(v)).toBeGreaterThanOrEqual(-1e-6);
          expect(scale.at(v)).toBeLessThanOrEqual(200 + 1e-6);
        }
        expect(scale.ticks.length).toBeGreaterThanOrEqual(2);
        expect(scale.ticks.length).toBeLessThanOrEqual(11);
      }),
    );
  });

  it("gives room to one value, to equal values and to none", () => {
    for (const values of [[3], [0, 0], [], [Number.NaN]]) {
      const { domain, ticks } = linearScale(values, 0, 100, 5);
      expect(domain[1]).toBeGreaterThan(domain[0]);
      expect(ticks.length).toBeGreaterThan(1);
    }
  });
});

describe("logScale", () => {
  it("puts equal ratios at equal distances and ignores what has no logarithm", () => {
    const scale = logScale([-5, 0, 1, 1000], 0, 300);
    expect([1, 10, 100, 1000].map((v) => Math.round(scale.at(v)))).toEqual([0, 100, 200, 300]);
    expect(scale.ticks).toEqual([1, 10, 100, 1000]);
  });

  it("has ticks at 2 and 5 where there are few powers of ten, and few ticks where there are many", () => {
    expect(logTicks(0.4, 20)).toEqual([0.5, 1, 2, 5, 10, 20]);
    expect(logTicks(1e-30, 1e30).length).toBeLessThanOrEqual(9);
  });
});

describe("showTick", () => {
  it.each([
    [0, undefined, "0"],
    [0.05, undefined, "0.05"],
    [2000, undefined, "2,000"],
    [20000, undefined, "20k"],
    [5000, 20000, "5k"],
    [1.5e6, undefined, "1.5M"],
    [5e-5, undefined, "5e−5"],
    [5e-4, 0.002, "0.0005"],
    [-8.5, undefined, "−8.5"],
  ])("writes %f of at most %s as %s", (value, largest, text) => expect(showTick(value, largest)).toBe(text));
});
