import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bigVisionPreprocessing, preprocess, type RgbImage } from "../../../src/data/index.ts";
import {
  roundHalfToEven,
  type TensorflowMethod,
  tensorflowResize,
  tensorflowResizeFloat,
} from "../../../src/data/preprocess/tensorflow.ts";
import { Goldens, goldenJson } from "../../support/goldens.ts";
import { flipped, largestGap, rgbImage, side } from "../../support/rgbImages.ts";

const METHODS: readonly TensorflowMethod[] = [
  { method: "bilinear", antialias: false },
  { method: "bilinear", antialias: true },
  { method: "bicubic", antialias: false },
  { method: "bicubic", antialias: true },
  { method: "area", antialias: false },
];
const method = fc.constantFrom(...METHODS);
type Size = readonly [number, number];

const bytesOf = ({ data, width, height }: RgbImage, to: Size, how: TensorflowMethod): Uint8Array =>
  tensorflowResize(data, [height, width], to, how);
const floatsOf = ({ data, width, height }: RgbImage, to: Size, how: TensorflowMethod): Float32Array =>
  tensorflowResizeFloat(data, [height, width], to, how);

/** The weights of one output of one axis in float64, and their inputs. */
function plainWeights(
  from: number,
  to: number,
  i: number,
  { method, antialias }: TensorflowMethod,
): Map<number, number> {
  const step = from / to;
  const weights = new Map<number, number>();
  const add = (j: number, weight: number) => weights.set(j, (weights.get(j) ?? 0) + weight);
  if (method === "area") {
    for (let j = 0; j < from; j++) {
      const overlap = Math.min(j + 1, (i + 1) * step) - Math.max(j, i * step);
      if (overlap > 0) add(j, overlap / step);
    }
    return weights;
  }
  const at = (i + 0.5) * step - 0.5;
  if (method === "bilinear" && !antialias) {
    const low = Math.floor(at);
    add(Math.max(0, low), 1 - (at - low));
    add(Math.min(from - 1, low + 1), at - low);
    return weights;
  }
  const stretch = antialias ? Math.max(1, step) : 1;
  for (let j = 0; j < from; j++) {
    const x = Math.abs(j - at) / stretch;
    const near = (1.5 * x - 2.5) * x * x + 1;
    const far = ((-0.5 * x + 2.5) * x - 4) * x + 2;
    add(j, method === "bilinear" ? Math.max(0, 1 - x) : x < 1 ? near : x < 2 ? far : 0);
  }
  const sum = [...weights.values()].reduce((a, b) => a + b, 0);
  return new Map([...weights].map(([j, weight]) => [j, weight / sum]));
}

/** Both axes at once, in float64. */
function plainResize({ data, width, height }: RgbImage, [toHeight, toWidth]: Size, how: TensorflowMethod): number[] {
  return Array.from({ length: toHeight * toWidth * 3 }, (_, at) => {
    const [i, j, c] = [Math.floor(at / 3 / toWidth), Math.floor(at / 3) % toWidth, at % 3];
    let sum = 0;
    for (const [y, a] of plainWeights(height, toHeight, i, how)) {
      for (const [x, b] of plainWeights(width, toWidth, j, how)) sum += a * b * data[(y * width + x) * 3 + c];
    }
    return sum;
  });
}

describe("tensorflowResize", () => {
  const goldens = new Goldens("big_vision/preprocess");
  const { images, ops } = goldenJson<{ images: [height: number, width: number][]; ops: string[] }>(
    "big_vision/preprocess",
  );
  const inputOf = (i: number): RgbImage => ({
    data: goldens.get(`in.${i}`).data as Uint8Array,
    height: images[i][0],
    width: images[i][1],
  });
  const cases = ops.flatMap((op, number) =>
    images
      .map((size, i) => [op, size.join(" × "), number, i] as const)
      .filter(([, , , i]) => goldens.has(`${number}.${i}`)),
  );

  // The fixture allows other operations than resize(n) to be 1 apart in 1 % of the entries; none is.
  it.each(cases)("equals big_vision in every byte and bit: %s of %s pixels", (op, _, number, i) => {
    const { pixels, height, width } = preprocess(inputOf(i), bigVisionPreprocessing(op));
    const golden = goldens.get(`${number}.${i}`);
    expect([height, width, 3]).toEqual(golden.shape);
    expect(pixels).toEqual(Float32Array.from(golden.data));
  });

  it("refuses the images that big_vision refuses", () => {
    const refused = ops.flatMap((op, number) =>
      images.flatMap((_, i) => (goldens.has(`${number}.${i}`) ? [] : [[op, i] as const])),
    );
    expect(refused.length).toBe(4);
    for (const [op, i] of refused) {
      expect(() => preprocess(inputOf(i), bigVisionPreprocessing(op))).toThrow("smaller than the crop");
    }
  });

  it("is close to the formula in float64", () => {
    fc.assert(
      fc.property(rgbImage, side, side, method, (image, height, width, how) => {
        // A cubic filter without antialias reads a table of 1,024 positions: at most 1/2,048 from the place meant, slope 1.1.
        const isTable = how.method === "bicubic" && !how.antialias;
        const gap = largestGap(floatsOf(image, [height, width], how), plainResize(image, [height, width], how));
        expect(gap).toBeLessThan(isTable ? 0.6 : 2e-3);
      }),
      { numRuns: 25 },
    );
  });

  it("keeps an image at its own size, and a constant one constant but for the last bit before truncation", () => {
    fc.assert(
      fc.property(rgbImage, side, side, method, (image, height, width, how) => {
        expect(bytesOf(image, [image.height, image.width], how)).toEqual(image.data);
        const plain = { ...image, data: image.data.map((_, i) => image.data[i % 3]) };
        const expected = Array.from({ length: height * width * 3 }, (_, i) => plain.data[i % 3]);
        expect(largestGap(floatsOf(plain, [height, width], how), expected)).toBeLessThan(1e-3);
        if (how.method === "bilinear" && !how.antialias) {
          expect(Array.from(bytesOf(plain, [height, width], how))).toEqual(expected);
        }
      }),
    );
  });

  it("never leaves the range of the image, unless cubic", () => {
    fc.assert(
      fc.property(rgbImage, side, side, method, (image, height, width, how) => {
        if (how.method === "bicubic") return;
        const [low, high] = [Math.min(...image.data), Math.max(...image.data)];
        // A sum of rounded weights may be a last bit below 1, and is then truncated.
        const least = how.method === "bilinear" && !how.antialias ? low : low - 1;
        const out = bytesOf(image, [height, width], how);
        expect(out.every((byte) => byte >= least && byte <= high)).toBe(true);
      }),
    );
  });

  it("is linear before it is truncated", () => {
    fc.assert(
      fc.property(rgbImage, side, side, method, fc.integer({ min: 2, max: 9 }), (image, height, width, how, parts) => {
        const small = { ...image, data: image.data.map((byte) => byte / parts) };
        const rest = { ...image, data: image.data.map((byte, i) => byte - small.data[i]) };
        const [a, b] = [small, rest].map((each) => floatsOf(each, [height, width], how));
        expect(
          largestGap(
            floatsOf(image, [height, width], how),
            a.map((v, i) => v + b[i]),
          ),
        ).toBeLessThan(1e-3);
      }),
    );
  });

  it("treats left and right alike", () => {
    fc.assert(
      fc.property(rgbImage, side, side, method, (image, height, width, how) => {
        const a = { data: bytesOf(image, [height, width], how), height, width };
        const gap = largestGap(flipped(a).data, bytesOf(flipped(image), [height, width], how));
        expect(gap).toBeLessThanOrEqual(how.method === "bicubic" && !how.antialias ? 2 : 1); // truncated on either side of an integer
      }),
    );
  });

  it("halves 4 pixels to the two means, rounded down, independent of other pixels", () => {
    const row = Uint8Array.from([10, 10, 10, 13, 13, 13, 200, 200, 200, 255, 255, 255]);
    const out = tensorflowResize(row, [1, 4], [1, 2], { method: "bilinear", antialias: false });
    expect([out[0], out[3]]).toEqual([11, 227]);
  });
});

describe("roundHalfToEven", () => {
  it("rounds halves to the even neighbour and other numbers to the nearest", () => {
    expect([0.5, 1.5, 2.5, 2.4, 2.6, -0.5, -1.5, 7].map(roundHalfToEven)).toEqual([0, 2, 2, 2, 3, 0, -2, 7]);
  });
});
