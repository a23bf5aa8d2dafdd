import { describe, expect, it } from "vitest";
import { openClipPreprocessing, PreprocessError } from "../../../src/data/index.ts";

const read = (json: Parameters<typeof openClipPreprocessing>[0], size: number | [number, number] = 224) =>
  openClipPreprocessing(json, "c.json", size);
const bicubic = { library: "pillow", method: "bicubic" };

describe("openClipPreprocessing", () => {
  it("reads the settings of the released SigLIP models", () => {
    const json = { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: "bicubic", resize_mode: "squash" };
    expect(read(json, 384)).toEqual({
      steps: [{ op: "resize", size: { fit: "squash", height: 384, width: 384 }, resampling: bicubic }],
      values: { kind: "normalize", scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    });
  });

  it("has open_clip's defaults, which are CLIP's", () => {
    expect(read({ size: 999 })).toEqual({
      steps: [
        { op: "resize", size: { fit: "shortest", side: 224 }, resampling: bicubic },
        { op: "cropOrPad", side: 224, fill: 0 },
      ],
      values: {
        kind: "normalize",
        scale: 1 / 255,
        mean: [0.48145466, 0.4578275, 0.40821073],
        std: [0.26862954, 0.26130258, 0.27577711],
      },
    });
    expect(read({ size: null, mode: null, mean: null, resize_mode: null })).toEqual(read({ size: 999 }));
  });

  it("reads the mode longest with its fill colour", () => {
    expect(read({ resize_mode: "longest", fill_color: 255, interpolation: "bilinear" }, 8).steps).toEqual([
      { op: "resize", size: { fit: "longest", side: 8 }, resampling: { library: "pillow", method: "bilinear" } },
      { op: "cropOrPad", side: 8, fill: 255 },
    ]);
  });

  it("squashes to images that are no squares, and refuses other modes for them", () => {
    const size = { fit: "squash", height: 8, width: 12 };
    expect(read({ resize_mode: "squash" }, [8, 12]).steps).toEqual([{ op: "resize", size, resampling: bicubic }]);
    expect(() => read({}, [8, 12])).toThrow('"resize_mode" must be "squash" for images of 12 × 8 pixels');
  });

  it.each([
    ["x", "expected an object of settings"],
    [{ mode: "L" }, '"mode" must be "RGB", found "L"'],
    [{ interpolation: "nearest" }, '"interpolation" must be "bilinear" or "bicubic"'],
    [{ resize_mode: "stretch" }, '"resize_mode" must be "squash" or "shortest" or "longest"'],
    [{ fill_color: 256 }, '"fill_color" must be an integer in 0..255, found 256'],
    [{ std: 0 }, '"std" must not be 0'],
    [{ means: 1 }, 'cannot follow "means"'],
  ])("refuses %j", (json, message) => {
    expect(() => read(json)).toThrow(PreprocessError);
    expect(() => read(json)).toThrow(`c.json: ${message}`);
  });

  it("refuses an image size that is none", () => {
    for (const side of [0, 1.5, Number.NaN, 1e6]) expect(() => read({}, side)).toThrow("the image size must be");
  });
});
