import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RgbImage } from "../../../src/data/index.ts";
import { pillowResize } from "../../../src/data/preprocess/pillow.ts";
import { Goldens, goldenJson } from "../../support/goldens.ts";
import { flipped, largestGap, rgbImage, side, transposed } from "../../support/rgbImages.ts";

type Method = Parameters<typeof pillowResize>[3];
const METHODS = ["bicubic", "bilinear"] as const satisfies readonly Method[];
const method = fc.constantFrom(...METHODS);

const resized = ({ data, width, height }: RgbImage, to: readonly [number, number], how: Method): RgbImage => ({
  data: pillowResize(data, [height, width], to, how),
  height: to[0],
  width: to[1],
});

/** One output byte of one axis, straight from the formula, in exact arithmetic where Pillow uses 32-bit integers. */
function plainPixel(read: (j: number) => number, from: number, to: number, i: number, how: Method): number {
  const kernel = (x: number): number => {
    if (how === "bilinear") return x < 1 ? 1 - x : 0;
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * -0.5 : 0;
  };
  const stretch = Math.max(1, from / to);
  const support = (how === "bilinear" ? 1 : 2) * stretch;
  const centre = (i + 0.5) * (from / to);
  const taps = Array.from({ length: from }, (_, j) => j).filter(
    (j) => j >= Math.trunc(centre - support + 0.5) && j < Math.trunc(centre + support + 0.5),
  );
  const weights = taps.map((j) => kernel(Math.abs((j - centre + 0.5) * (1 / stretch))));
  const sum = weights.reduce((a, b) => a + b, 0);
  const total = taps.reduce((most, j, k) => {
    const fixed = (weights[k] / sum) * 2 ** 22;
    return most + BigInt(Math.trunc(fixed + Math.sign(fixed) * 0.5)) * BigInt(read(j));
  }, 2n ** 21n);
  return Number(total < 0n ? 0n : total >> 22n > 255n ? 255n : total >> 22n);
}

/** Columns, then rows, pixel by pixel. */
function plainResize({ data, width, height }: RgbImage, [toHeight, toWidth]: readonly [number, number], how: Method) {
  const narrow = new Uint8Array(height * toWidth * 3);
  for (let at = 0; at < narrow.length; at++) {
    const [y, i, c] = [Math.floor(at / 3 / toWidth), Math.floor(at / 3) % toWidth, at % 3];
    narrow[at] = plainPixel((j) => data[(y * width + j) * 3 + c], width, toWidth, i, how);
  }
  const out = new Uint8Array(toHeight * toWidth * 3);
  for (let at = 0; at < out.length; at++) {
    const [i, rest] = [Math.floor(at / 3 / toWidth), at % (toWidth * 3)];
    out[at] = plainPixel((j) => narrow[j * toWidth * 3 + rest], height, toHeight, i, how);
  }
  return out;
}

describe("pillowResize", () => {
  const goldens = new Goldens("hf/pixels");
  const { images } = goldenJson<{ images: { height: number; width: number; kind: string }[] }>("hf/pixels");
  const cases = METHODS.flatMap((how) =>
    [32, 16].flatMap((to) => images.map(({ height, width, kind }, i) => [how, height, width, kind, to, i] as const)),
  );
  it.each(cases)("equals Pillow up to 12.2 in every byte: %s, %i × %i %s to %i", (how, height, width, _, to, i) => {
    const name = `${how}.${to}.${i}`;
    const golden = goldens.get(goldens.has(`columns_first.${name}`) ? `columns_first.${name}` : name);
    const actual = pillowResize(goldens.get(`in.${i}`).data as Uint8Array, [height, width], [to, to], how);
    expect(actual).toEqual(golden.data);
  });

  it("is the formula for each pixel, columns before rows", () => {
    fc.assert(
      fc.property(rgbImage, side, side, method, (image, height, width, how) => {
        expect(resized(image, [height, width], how).data).toEqual(plainResize(image, [height, width], how));
      }),
      { numRuns: 25 },
    );
  });

  it("keeps a constant image constant, and any image at its own size", () => {
    fc.assert(
      fc.property(rgbImage, side, side, method, (image, height, width, how) => {
        const plain = { ...image, data: image.data.map((_, i) => image.data[i % 3]) };
        expect(resized(plain, [height, width], how).data.every((byte, i) => byte === plain.data[i % 3])).toBe(true);
        expect(resized(image, [image.height, image.width], how).data).toEqual(image.data);
      }),
    );
  });

  it("never leaves the range of the image if bilinear", () => {
    fc.assert(
      fc.property(rgbImage, side, side, (image, height, width) => {
        const [low, high] = [Math.min(...image.data), Math.max(...image.data)];
        const out = resized(image, [height, width], "bilinear").data;
        expect(out.every((byte) => byte >= low && byte <= high)).toBe(true);
      }),
    );
  });

  it("treats left and right alike", () => {
    fc.assert(
      fc.property(rgbImage, side, side, method, (image, height, width, how) => {
        const a = flipped(resized(image, [height, width], how)).data;
        const b = resized(flipped(image), [height, width], how).data;
        // Weights of mirrored taps may differ in the last bit of float64, and so, next to a half, in a byte of each pass.
        expect(largestGap(a, b)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("filters rows as it filters columns, where only one of them changes", () => {
    fc.assert(
      fc.property(rgbImage, side, method, (image, width, how) => {
        const rows = transposed(resized(transposed(image), [width, image.height], how));
        expect(rows.data).toEqual(resized(image, [image.height, width], how).data);
      }),
    );
  });
});
