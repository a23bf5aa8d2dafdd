import { describe, expect, it } from "vitest";
import { huggingFacePreprocessing, PreprocessError } from "../../../src/data/index.ts";
import { goldenJson } from "../../support/goldens.ts";

const read = (json: Parameters<typeof huggingFacePreprocessing>[0]) => huggingFacePreprocessing(json, "a/config.json");

describe("huggingFacePreprocessing", () => {
  it("reads the file that transformers writes", () => {
    expect(read(goldenJson("hf/tiny/preprocessor_config"))).toEqual({
      steps: [
        {
          op: "resize",
          size: { fit: "squash", height: 32, width: 32 },
          resampling: { library: "pillow", method: "bicubic" },
        },
      ],
      values: { kind: "normalize", scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    });
  });

  it("gives absent and null fields transformers' defaults", () => {
    const defaults = read({ size: { height: 224, width: 224 }, resample: 3, rescale_factor: 1 / 255, image_mean: 0.5 });
    expect(read({})).toEqual(defaults);
    expect(read({ size: null, resample: null, crop_size: null, do_pad: null, unheard_of: null })).toEqual(defaults);
  });

  it("leaves out what is switched off", () => {
    expect(read({ do_resize: false, do_rescale: false, do_normalize: false })).toEqual({
      steps: [],
      values: { kind: "normalize", scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    });
  });

  it("reads bilinear for SigLIP 2, and ignores how transformers passes arrays on", () => {
    const { steps } = read({
      resample: 2,
      image_processor_type: "SiglipImageProcessorFast",
      processor_class: "Siglip2Processor",
      data_format: "channels_first",
      default_to_square: true,
      device: "cpu",
      do_convert_rgb: true,
    });
    expect(steps).toMatchObject([{ resampling: { library: "pillow", method: "bilinear" } }]);
  });

  it.each([
    [[], "expected an object of settings, found []"],
    [{ size: 224 }, 'a/config.json, "size": expected an object of settings, found 224'],
    [{ size: { shortest_edge: 224 } }, 'cannot follow "shortest_edge"'],
    [{ size: { height: 224 } }, '"width" must be an integer in 1..4096'],
    [{ size: { height: 1e9, width: 1 } }, '"height" must be an integer in 1..4096, found 1000000000'],
    [{ resample: 1 }, '"resample" must be 2 or 3, found 1'],
    [{ do_center_crop: true }, '"do_center_crop" must be false'],
    [{ do_resize: "yes" }, '"do_resize" must be true or false, found "yes"'],
    [{ rescale_factor: "1" }, '"rescale_factor" must be a number'],
    [{ image_mean: [0.5, 0.5] }, '"image_mean" must be a number or three'],
    [{ image_std: [0.5, 0, 0.5] }, '"image_std" must not be 0'],
    [{ image_processor_type: "Siglip2ImageProcessor" }, '"image_processor_type" must be "SiglipImageProcessor" or'],
    [{ patch_size: 16 }, 'cannot follow "patch_size"; known fields are'],
  ])("refuses %j", (json, message) => {
    expect(() => read(json)).toThrow(PreprocessError);
    expect(() => read(json)).toThrow(message);
    expect(() => read(json)).toThrow("a/config.json");
  });
});
