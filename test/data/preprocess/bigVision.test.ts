import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bigVisionPreprocessing, PreprocessError } from "../../../src/data/index.ts";
import { cpuTime } from "../../support/cpuTime.ts";

const bilinear = { library: "tensorflow", method: "bilinear", antialias: false };
const squash = (height: number, width = height) => ({ fit: "squash", height, width });

describe("bigVisionPreprocessing", () => {
  it("reads the string of the released models", () => {
    expect(bigVisionPreprocessing("decode|resize(224)|value_range(-1,1)")).toEqual({
      steps: [{ op: "resize", size: squash(224), resampling: bilinear }],
      values: { kind: "range", low: -1, high: 1, inLow: 0, inHigh: 255, clip: false },
    });
  });

  it.each([
    ["resize(256)", " resize( size = 256 , method='bilinear', antialias=False) "],
    ["resize((8, 16))", "resize([8,16,],)"],
    ["resize(8, 'bicubic', True)", 'resize(antialias=True, size=8, method="bicubic")'],
    ["resize_small(8)", "resize_small(smaller_size=8, method='area', antialias=False)"],
    ["resize_long(8)", "resize_long(8, 'area', True)"],
    ["central_crop", "central_crop(None)"],
    ["central_crop(4)", "central_crop((4, 4))"],
    ["value_range", "value_range(-1, 1, 0, 2.55e2, False)"],
  ])("reads %s like %s", (a, b) => {
    expect(bigVisionPreprocessing(a)).toEqual(bigVisionPreprocessing(b));
  });

  it("keeps the order of operations", () => {
    const ops = bigVisionPreprocessing("resize_small(8)|central_crop(8)|resize(4)").steps.map(({ op }) => op);
    expect(ops).toEqual(["resize", "centralCrop", "resize"]);
  });

  it.each([
    ["", "expected name(arguments)"],
    ["resize(8", "expected name(arguments)"],
    ["resize(8)|", "expected name(arguments)"],
    ["resize(8) value_range", "expected name(arguments)"],
    ["flip_lr", "flip_lr is not among the operations decode, resize,"],
    ["constructor(1)", "constructor is not among"],
    ["resize", "size is missing"],
    ["resize(8, size=8)", "size is given twice"],
    ["resize(size=8, 'area')", "has no name and follows"],
    ["resize(8, 'area', True, 1)", "the parameters are size, method, antialias"],
    ["resize(8, key='image')", "unknown argument"],
    ["resize(8,,True)", "an argument is missing between commas"],
    ["resize(0)", "size must be an integer in 1..4096, not 0"],
    ["resize(1e9)", "size must be an integer in 1..4096"],
    ["resize((8,8,8))", "size must be"],
    ["resize('8')", 'not "8"'],
    ["resize(8, method='lanczos3')", 'method must be "bilinear", "bicubic" or "area", not "lanczos3"'],
    ["resize(8, antialias=1)", "antialias must be True or False, not 1"],
    ["resize(__import__('os'))", "is not a number"],
    ["value_range(-1,1)|resize(8)", "value_range must be the last operation"],
    ["value_range([0,0,0])", "vmin must be a number"],
    ["value_range(0,1,5,5)", "in_min and in_max are both 5"],
    ["decode(channels=3)", "unknown argument"],
  ])("refuses %j", (string, message) => {
    expect(() => bigVisionPreprocessing(string)).toThrow(PreprocessError);
    expect(() => bigVisionPreprocessing(string)).toThrow(message);
  });

  it("returns settings or throws PreprocessError for any text, in little time", () => {
    const part = fc.constantFrom(
      "resize",
      "(",
      ")",
      ",",
      "=",
      "8",
      "|",
      "[",
      "]",
      "'",
      "True",
      "value_range",
      " ",
      "-1",
    );
    const text = fc.oneof(
      fc.array(part, { maxLength: 30 }).map((parts) => parts.join("")),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (string) => {
        try {
          expect(bigVisionPreprocessing(string)).toHaveProperty("steps");
        } catch (error) {
          expect(error).toBeInstanceOf(PreprocessError);
        }
      }),
    );
    for (const each of [",", "(", "((", "a=", "[,", "|", "' "]) {
      const hostile = `resize(${each.repeat(900 / each.length)})`;
      expect(cpuTime(() => expect(() => bigVisionPreprocessing(hostile)).toThrow(PreprocessError))).toBeLessThan(500);
    }
    expect(() => bigVisionPreprocessing("a".repeat(1001))).toThrow("1001 characters");
  });
});
