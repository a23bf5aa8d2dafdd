import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  bigVisionPreprocessing,
  huggingFacePreprocessing,
  openClipPreprocessing,
  PictureError,
  preprocess,
  type RgbImage,
} from "../../../src/data/index.ts";
import { Goldens } from "../../support/goldens.ts";
import { rgbImage, side } from "../../support/rgbImages.ts";

/** Grey levels by column: byte x at column x. */
const ramp = (width: number, height: number): RgbImage => ({
  data: Uint8Array.from({ length: width * height * 3 }, (_, i) => Math.floor(i / 3) % width),
  width,
  height,
});
const blank = (width: number, height: number, name?: string): RgbImage => ({
  data: new Uint8Array(width * height * 3),
  width,
  height,
  ...(name === undefined ? {} : { name }),
});
const bytes = { mean: 0, std: 1 / 255 };
const openClip = (settings: object, side: number) => openClipPreprocessing({ ...bytes, ...settings }, "test", side);

describe("preprocess", () => {
  it("gives every byte the number that transformers gives it", () => {
    const goldens = new Goldens("hf/pixels");
    const data = Uint8Array.from({ length: 256 * 3 }, (_, i) => i / 3);
    const { pixels } = preprocess({ data, width: 256, height: 1 }, huggingFacePreprocessing({ do_resize: false }, "x"));
    const golden = goldens.floats("value_of_byte");
    expect(pixels).toEqual(Float32Array.from({ length: 256 * 3 }, (_, i) => golden[Math.floor(i / 3)]));
  });

  it("gives the pixels of transformers' whole processor", () => {
    const goldens = new Goldens("hf/pixels");
    const input = goldens.get("in.6");
    const [height, width] = input.shape;
    const spec = huggingFacePreprocessing({ size: { height: 32, width: 32 } }, "x");
    const { pixels } = preprocess({ data: input.data as Uint8Array, height, width }, spec);
    const golden = goldens.floats("values.6"); // [3, 32, 32]
    expect(pixels).toEqual(pixels.map((_, i) => golden[(i % 3) * 1024 + Math.floor(i / 3)]));
  });

  it("stays in −1..1 with the settings of every released model, at any size", () => {
    const specs = [
      bigVisionPreprocessing("resize(16)|value_range(-1,1)"),
      huggingFacePreprocessing({ size: { height: 16, width: 16 } }, "x"),
      openClipPreprocessing({ mean: 0.5, std: 0.5, resize_mode: "squash" }, "x", 16),
    ];
    fc.assert(
      fc.property(rgbImage, fc.constantFrom(...specs), (image, spec) => {
        const { pixels, height, width } = preprocess(image, spec);
        expect([height, width, pixels.length]).toEqual([16, 16, 16 * 16 * 3]);
        expect(pixels.every((v) => v >= -1 && v <= 1)).toBe(true);
      }),
    );
  });

  it("leaves the image as it was", () => {
    const image = ramp(9, 5);
    preprocess(image, openClip({ resize_mode: "longest" }, 7));
    expect(image).toEqual(ramp(9, 5));
  });

  it("clips values on request, and keeps each channel's own mean and deviation", () => {
    const image = { data: Uint8Array.from([0, 128, 255]), width: 1, height: 1 };
    const clipped = preprocess(image, bigVisionPreprocessing("value_range(0, 1, 100, 200, clip_values=True)"));
    expect(Array.from(clipped.pixels)).toEqual([0, Math.fround(0.28), 1]);
    const spec = huggingFacePreprocessing(
      { do_resize: false, do_rescale: false, image_mean: [1, 2, 3], image_std: [1, 2, 4] },
      "x",
    );
    expect(Array.from(preprocess(image, spec).pixels)).toEqual([-1, 63, 63]);
  });

  // torchvision's Resize truncates the longer side: 7 · 10 / 4 = 17.5; its CenterCrop rounds half to even.
  it.each([
    [7, 4, 10, 17, 4],
    [9, 4, 10, 22, 6],
    [5, 2, 10, 25, 8],
  ])("crops the centre of %i × %i as open_clip does in mode shortest", (width, height, side, wide, left) => {
    const [whole, cropped] = [
      preprocess(ramp(width, height), {
        steps: [
          {
            op: "resize",
            size: { fit: "squash", height: side, width: wide },
            resampling: { library: "pillow", method: "bicubic" },
          },
        ],
        values: openClip({}, side).values,
      }),
      preprocess(ramp(width, height), openClip({ resize_mode: "shortest" }, side)),
    ];
    expect([cropped.height, cropped.width]).toEqual([side, side]);
    const row = (from: number, count: number, at: number, { pixels, width }: typeof whole) =>
      Array.from(pixels.subarray((at * width + from) * 3, (at * width + from + count) * 3));
    for (const y of [0, side - 1]) expect(row(0, side, y, cropped)).toEqual(row(left, side, y, whole));
  });

  it("pads to a square with the fill colour as open_clip does in mode longest", () => {
    const white = { ...blank(10, 5), data: new Uint8Array(150).fill(255) };
    const { pixels } = preprocess(white, openClip({ resize_mode: "longest", fill_color: 7 }, 7));
    const rows = Array.from({ length: 7 }, (_, y) => Math.round(pixels[y * 21]));
    // 10 × 5 becomes 7 × 4 (3.5 to even); 3 rows are missing: 1 above, 2 below.
    expect(rows).toEqual([7, 255, 255, 255, 255, 7, 7]);
  });

  it("gives a square of the side, whatever the shape and the mode", () => {
    fc.assert(
      fc.property(rgbImage, side, fc.constantFrom("squash", "shortest", "longest"), (image, to, resize_mode) => {
        fc.pre(
          resize_mode !== "longest" ||
            Math.max(image.width, image.height) < to * Math.min(image.width, image.height) * 2,
        );
        const { pixels, height, width } = preprocess(image, openClip({ resize_mode }, to));
        expect([height, width, pixels.length]).toEqual([to, to, to * to * 3]);
      }),
    );
  });

  it.each([
    ["bytes that are not the image", { data: new Uint8Array(5), width: 1, height: 2 }, "resize(8)", "5 bytes are not"],
    ["no pixel", blank(0, 4), "resize(8)", "0 bytes are not an image [4, 0, 3]"],
    [
      "an image smaller than the crop",
      blank(5, 9, "a.png"),
      "central_crop(8)",
      'picture "a.png": 5 × 9 pixels, smaller',
    ],
    ["a side that vanishes", blank(1, 1000), "resize_long(8)", "of which a side of 0 would remain"],
    ["a side that explodes", blank(1, 60_000), "resize_small(224)", "too long to be resized to 224 × 13440000"],
    ["a long image, before it is resized", blank(1, 60_000, "a\u001b.png"), "resize_small(12)", "\\u{1b}"],
  ])("refuses %s", (_, image, op, message) => {
    expect(() => preprocess(image, bigVisionPreprocessing(op))).toThrow(PictureError);
    expect(() => preprocess(image, bigVisionPreprocessing(op))).toThrow(message);
  });

  it("refuses an image so long that the way to its result takes too much", () => {
    expect(() => preprocess(blank(1, 3_000_000), openClip({ resize_mode: "squash" }, 224))).toThrow("too long");
    expect(() => preprocess(blank(3_000_000, 1), bigVisionPreprocessing("resize(224)"))).toThrow("too long");
  });
});
