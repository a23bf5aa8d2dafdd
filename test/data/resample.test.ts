import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Crop, resampleSquare } from "../../src/data/resample.ts";

/** One axis of the formula in resample.ts, an output pixel at a time; outside `size` the input is 0. */
function resampled(read: (x: number) => number, size: number, start: number, crop: number, side: number, soft: number) {
  const step = crop / side;
  const radius = soft * Math.max(1, step);
  return Array.from({ length: side }, (_, i) => {
    const centre = start + (i + 0.5) * step - 0.5;
    const near: number[] = [];
    for (let x = Math.ceil(centre - radius); x <= centre + radius; x++) near.push(x);
    const weight = (x: number): number => Math.max(0, 1 - Math.abs(x - centre) / radius);
    const total = near.reduce((sum, x) => sum + weight(x), 0);
    return near.reduce((sum, x) => {
      if (x < 0 || x >= size) return sum;
      return Math.fround(sum + (weight(x) / total) * read(x));
    }, 0);
  });
}

/** Rows first, then columns, each channel on its own. */
function oracle(
  pixels: Float32Array,
  width: number,
  height: number,
  channels: number,
  crop: Crop,
  side: number,
  soft: number,
) {
  const out = new Float32Array(side * side * channels);
  for (let c = 0; c < channels; c++) {
    const rows = Array.from({ length: height }, (_, y) =>
      resampled((x) => pixels[(y * width + x) * channels + c], width, crop.left, crop.side, side, soft),
    );
    for (let x = 0; x < side; x++) {
      resampled((y) => rows[y][x], height, crop.top, crop.side, side, soft).forEach((value, y) => {
        out[(y * side + x) * channels + c] = value;
      });
    }
  }
  return out;
}

const size = fc.integer({ min: 1, max: 9 });
const place = fc.integer({ min: -30, max: 30 }).map((halves) => halves / 2);

describe("resampleSquare", () => {
  it("has the bits of the formula for any crop, also beyond the edges", () => {
    const cases = fc.record({ width: size, height: size, channels: fc.constantFrom(3, 4), side: size, crop: fc.record({ left: place, top: place, side: fc.integer({ min: 1, max: 40 }) }), soft: fc.constantFrom(1, Math.SQRT2), seed: fc.nat(1000) }); // biome-ignore format: a row
    fc.assert(
      fc.property(cases, ({ width, height, channels, side, crop, soft, seed }) => {
        const pixels = Float32Array.from(
          { length: width * height * channels },
          (_, i) => ((i + 1) * (seed + 7)) % 251.3,
        );
        expect(resampleSquare(pixels, width, height, channels, crop, side, soft)).toEqual(
          oracle(pixels, width, height, channels, crop, side, soft),
        );
      }),
    );
  });

  it("keeps a plain area plain, and everything outside empty", () => {
    const plain = new Uint8Array(6 * 6 * 3).fill(100);
    const inside = resampleSquare(plain, 6, 6, 3, { left: 2, top: 2, side: 2 }, 4);
    expect(inside.every((value) => Math.abs(value - 100) < 1e-4)).toBe(true);
    expect(resampleSquare(plain, 6, 6, 3, { left: 20, top: -20, side: 4 }, 4)).toEqual(new Float32Array(48));
  });
});
