/** Random images for properties, and operations on them. */
import fc from "fast-check";
import type { RgbImage } from "../../src/data/index.ts";

export const side = fc.integer({ min: 1, max: 24 });

/** Images of random bytes, some of few values, which meet the ends of the range. */
export const rgbImage: fc.Arbitrary<RgbImage> = fc
  .tuple(side, side, fc.constantFrom(0, 250, 255))
  .chain(([width, height, least]) => {
    const length = width * height * 3;
    const byte = fc.integer({ min: 0, max: 255 }).map((v) => (v < least ? (v < least / 2 ? 0 : 255) : v));
    return fc
      .array(byte, { minLength: length, maxLength: length, size: "max" })
      .map((bytes) => ({ data: Uint8Array.from(bytes), width, height }));
  });

/** Left to right. */
export function flipped({ data, width, height }: RgbImage): RgbImage {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      out.set(data.subarray((y * width + x) * 3, (y * width + x + 1) * 3), (y * width + width - 1 - x) * 3);
    }
  }
  return { data: out, width, height };
}

/** Rows to columns. */
export function transposed({ data, width, height }: RgbImage): RgbImage {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      out.set(data.subarray((y * width + x) * 3, (y * width + x + 1) * 3), (x * height + y) * 3);
    }
  }
  return { data: out, width: height, height: width };
}

/** The largest difference of two arrays of the same length. */
export function largestGap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let gap = 0;
  for (let i = 0; i < a.length; i++) gap = Math.max(gap, Math.abs(a[i] - b[i]));
  return gap;
}
