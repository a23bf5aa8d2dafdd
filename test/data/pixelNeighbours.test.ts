import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type PictureSet, pixelNeighbours, shapePictures } from "../../src/data/index.ts";

/** Pictures of one value each, 32 × 32. */
const flat = (...values: number[]): PictureSet => ({
  ...shapePictures("train", values.length, 0),
  pixels: (first = 0, end = values.length) =>
    Float32Array.from({ length: (end - first) * 3072 }, (_, i) => values[first + Math.floor(i / 3072)]),
});

describe("pixelNeighbours", () => {
  it("scores by the nearest of the galleries", () => {
    const scores = pixelNeighbours(flat(0, 1), [flat(0.5, 2), flat(1, 1)]);
    // Squared differences on 16 · 16 · 3 = 768 numbers, the smaller of two galleries.
    expect([...scores]).toEqual([-0.25, -1, -0, -0].map((v) => v * 768 + 0).map((v) => expect.closeTo(v, 3)));
  });

  it("finds every picture in its own gallery", () => {
    const set = shapePictures("train", 40, 1);
    const scores = pixelNeighbours(set, [set]);
    for (let q = 0; q < 40; q++) {
      const row = scores.subarray(q * 40, q * 40 + 40);
      expect(row.indexOf(Math.max(...row))).toBe(q);
    }
  });

  it("accepts pictures of any side", () => {
    for (const side of [4, 20, 24, 40]) {
      const set = shapePictures("train", 12, 1, side);
      const scores = pixelNeighbours(set, [set]);
      for (let q = 0; q < 12; q++) {
        const row = scores.subarray(q * 12, q * 12 + 12);
        expect(row.indexOf(Math.max(...row)), `side ${side}`).toBe(q);
      }
    }
  });

  it("never scores lower with one more gallery", () => {
    fc.assert(
      fc.property(fc.nat(100), (seed) => {
        const [a, b, c] = [0, 1, 2].map((i) => shapePictures("train", 5, 3 * seed + i));
        const [one, two] = [pixelNeighbours(a, [b]), pixelNeighbours(a, [b, c])];
        expect(two.every((score, i) => score >= one[i])).toBe(true);
      }),
      { numRuns: 10 },
    );
  });

  it("refuses galleries of different items", () => {
    expect(() => pixelNeighbours(flat(0), [flat(0), flat(0, 1)])).toThrow("they hold 1, 2 pictures");
  });
});
