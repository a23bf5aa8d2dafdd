import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Point, smooth, thin } from "../../src/report/curve.ts";

const curve = fc
  .array(fc.double({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 3000 })
  .map((ys) => ys.map((y, x): Point => [x + 1, y]));
const extent = (points: readonly Point[]) => {
  const ys = points.map(([, y]) => y);
  return [ys.reduce((a, b) => Math.min(a, b)), ys.reduce((a, b) => Math.max(a, b))];
};

describe("smooth", () => {
  it("stays between the lowest and the highest value seen so far", () => {
    fc.assert(
      fc.property(curve, fc.double({ min: 0, max: 100, noNaN: true }), (points, span) => {
        const smoothed = smooth(points, span);
        const [low, high] = extent(points);
        for (const [, y] of smoothed) {
          expect(y).toBeGreaterThanOrEqual(low - 1e-9);
          expect(y).toBeLessThanOrEqual(high + 1e-9);
        }
        const [[x, y]] = points;
        expect(smoothed[0]).toEqual([x, y + 0]); // −0 is drawn as 0
      }),
    );
  });

  it("is the curve itself for a memory of one point, without NaN and infinity", () => {
    expect(
      smooth(
        [
          [1, 4],
          [2, Number.NaN],
          [3, Number.POSITIVE_INFINITY],
          [4, 2],
        ],
        1,
      ),
    ).toEqual([
      [1, 4],
      [4, 2],
    ]);
  });

  it("forgets a spike within a few spans", () => {
    const points = Array.from({ length: 500 }, (_, i): Point => [i, i === 300 ? 100 : 0]);
    const smoothed = smooth(points, 10);
    expect(smoothed[300][1]).toBeCloseTo(10, 9);
    expect(smoothed[400][1]).toBeLessThan(0.001);
  });
});

describe("thin", () => {
  it("keeps the lowest and the highest point, the order, and the limit, on linear and logarithmic axes", () => {
    fc.assert(
      fc.property(
        curve,
        fc.constantFrom((x: number) => x, Math.log),
        (points, position) => {
          const thinned = thin(points, 100, position);
          expect(thinned.length).toBeLessThanOrEqual(102);
          expect(extent(thinned)).toEqual(extent(points));
          expect(thinned.every((point, i) => i === 0 || point[0] > thinned[i - 1][0])).toBe(true);
        },
      ),
    );
  });

  it("leaves a short curve as it is", () => {
    const points: Point[] = [
      [1, 5],
      [2, 3],
      [3, 4],
    ];
    expect(thin(points, 3, (x) => x)).toEqual(points);
  });
});
