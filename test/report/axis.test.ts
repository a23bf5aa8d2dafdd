import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { linearAxis, logAxis, showTick } from "../../src/report/axis.ts";

const UP = [200, 0];
/** As large as an f32 number can be, or as small. */
const value = fc.oneof(
  fc.double({ min: -1e9, max: 1e9, noNaN: true }),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
);
const positive = value.map(Math.abs).filter((v) => v > 0);
const values = (of: fc.Arbitrary<number>) => fc.array(of, { minLength: 1 });

describe("an axis", () => {
  it.each([
    ["linear", value, (v: number[]) => linearAxis(v, UP)],
    ["linear with round ends", value, (v: number[]) => linearAxis(v, UP, { nice: true })],
    ["logarithmic", positive, (v: number[]) => logAxis(v, UP)],
  ])("that is %s holds every value, and has one to ten ticks, in order, that read differently", (_, of, axis) => {
    fc.assert(
      fc.property(values(of), (values) => {
        const { ticks, label, at } = axis(values);
        for (const v of [...values, ...ticks]) {
          expect(at(v)).toBeGreaterThanOrEqual(-1e-6);
          expect(at(v)).toBeLessThanOrEqual(200 + 1e-6);
        }
        expect(ticks.length).toBeGreaterThanOrEqual(1);
        expect(ticks.length).toBeLessThanOrEqual(10);
        expect(new Set(ticks.map(label)).size).toBe(ticks.length);
        expect([...ticks].sort((a, b) => a - b)).toEqual(ticks);
      }),
    );
  });
});

describe("linearAxis", () => {
  it("has its first and last tick at its ends if these are to be round", () => {
    fc.assert(
      fc.property(values(value), (values) => {
        const { ticks, at } = linearAxis(values, UP, { nice: true });
        fc.pre(ticks.length > 1);
        expect(at(ticks[0])).toBeCloseTo(200, 6);
        expect(at(ticks[ticks.length - 1])).toBeCloseTo(0, 6);
      }),
    );
  });

  it.each([[[3]], [[0, 0]], [[0.1 + 0.2, 0.3]]])(
    "puts %j, one value up to rounding, in the middle with one tick",
    (values) => {
      const { at, ticks } = linearAxis(values, UP, { nice: true });
      expect(values.map(at)).toEqual(values.map(() => 100));
      expect(ticks).toHaveLength(1);
    },
  );

  it("labels one value, which need not be round, by four digits", () => {
    for (const axis of [linearAxis([2.34375], UP), logAxis([2.34375], UP)])
      expect(axis.ticks.map(axis.label)).toEqual(["2.344"]);
    const large = linearAxis([14_031.25], UP);
    expect(large.ticks.map(large.label)).toEqual(["14.03k"]);
  });

  it("labels all ticks in one notation", () => {
    const labels = (end: number) => {
      const { ticks, label } = linearAxis([0, end], UP);
      return ticks.map(label);
    };
    expect(labels(0.7)).toEqual(["0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7"]);
    expect(labels(0.002)).toEqual(["0", "0.0005", "0.001", "0.0015", "0.002"]);
    expect(labels(4677)).toEqual(["0", "1,000", "2,000", "3,000", "4,000"]);
    expect(labels(14_031)).toEqual(["0", "2k", "4k", "6k", "8k", "10k", "12k", "14k"]);
  });
});

describe("logAxis", () => {
  it("puts equal ratios at equal distances", () => {
    const { at, ticks } = logAxis([1, 1000], [0, 300]);
    expect([1, 10, 100, 1000].map((v) => Math.round(at(v)))).toEqual([0, 100, 200, 300]);
    expect(ticks).toEqual([1, 10, 100, 1000]);
  });

  it("has round ticks over one decade or less, and few over many", () => {
    expect(logAxis([0.4, 20], UP).ticks).toEqual([0.5, 1, 2, 5, 10, 20]);
    expect(logAxis([1, 14_031], UP).ticks).toEqual([1, 10, 100, 1000, 10_000]);
    expect(logAxis([7, 9.3], UP).ticks).toEqual([7, 7.5, 8, 8.5, 9]);
    expect(logAxis([1e-30, 1e30], UP).ticks).toEqual([1e-30, 1e-20, 1e-10, 1, 1e10, 1e20, 1e30]);
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
    [-1e12, undefined, "−1e12"],
    [5e-4, 0.002, "0.0005"],
    [-8.5, undefined, "−8.5"],
  ])("writes %f of at most %s as %s", (value, largest, text) => expect(showTick(value, largest)).toBe(text));
});
