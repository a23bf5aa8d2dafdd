/** Models written for other libraries, from any origin, and opened again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { preprocess } from "../../src/data/index.ts";
import { type LayoutName, ModelFolderError, saveModel } from "../../src/models/index.ts";
import { convertModel } from "../../src/run/convertModel.ts";
import { embedTexts } from "../../src/run/embed.ts";
import { type OpenModel, openModel } from "../../src/run/openModel.ts";
import { trainBpe } from "../../src/tokenizers/index.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { TINY, tinyModel } from "../support/tinyModel.ts";

const TEXTS = ["a red circle", "Two dogs, running!"];
const TARGETS: readonly LayoutName[] = ["hugging-face", "big-vision", "open-clip"];
const open = (path: string): OpenModel => openModel(path, () => {});
const texts = (model: OpenModel) => embedTexts(model, model.tokenizer, TEXTS, model.textLength);

/** A model of our own layout with a tokenizer that was trained here. */
function own(): string {
  const folder = join(temporaryFolder(), "own");
  const tokenizer = trainBpe(["a red circle", "two dogs"], 300);
  const model = tinyModel("f32", { ...TINY, text: { ...TINY.text, vocabSize: tokenizer.vocabSize, length: 12 } });
  saveModel(model, folder, "siglip-ts", { tokenizer });
  return folder;
}

const ORIGINS: readonly (readonly [string, () => string])[] = [
  ["Hugging Face", () => released("hf/tiny")],
  ["a training here", own],
  ["a run", () => released("run/first")],
];

describe.each(ORIGINS)("a model of %s", (_, path) => {
  it.each(TARGETS)("gives the same bits for the same texts after conversion to %s", (layout) => {
    const folder = join(temporaryFolder(), "out");
    const from = open(path());
    const report = convertModel(from, folder, layout);
    const to = open(folder);
    expect(report.layout).toBe(layout);
    expect([to.origin, to.t, to.b]).toEqual([layout, from.t, from.b]);
    expect(texts(to)).toEqual(texts(from));
  });
});

describe("the preparation of images", () => {
  const image = { data: Uint8Array.from({ length: 40 * 40 * 3 }, (_, i) => (i * 31) % 256), width: 40, height: 40 };
  const pixels = (model: OpenModel): Float32Array => preprocess(image, model.pictures.spec!).pixels;
  const converted = (path: string, layout: LayoutName) => {
    const folder = join(temporaryFolder(), "out");
    return { report: convertModel(open(path), folder, layout), model: open(folder), folder };
  };

  it("stays the same between Hugging Face and open_clip, and nearly so for big_vision, with a note", () => {
    const before = pixels(open(released("hf/tiny")));
    for (const layout of ["hugging-face", "open-clip"] as const) {
      expect(pixels(converted(released("hf/tiny"), layout).model)).toEqual(before);
    }
    const { model, report } = converted(released("hf/tiny"), "big-vision");
    const furthest = Math.max(...pixels(model).map((value, i) => Math.abs(value - before[i])));
    expect(furthest).toBeLessThan(0.02); // two steps of a byte
    expect(report.notes).toContainEqual("images: resized by TensorFlow there, not by Pillow");
  });

  it("of big_vision comes back from big_vision, and loses the way it is reduced elsewhere, with notes", () => {
    const path = released("torch/open_clip/v1/big_vision.npz");
    const back = converted(path, "big-vision");
    expect(pixels(back.model)).toEqual(pixels(open(path)));
    const { report } = converted(path, "hugging-face");
    expect(report.notes.filter((note) => note.startsWith("images:")).length).toBe(2);
  });

  it("of a training here is ink: white is 0, black is 2, in every layout", () => {
    const path = own();
    for (const layout of TARGETS) {
      const { model, report } = converted(path, layout);
      const values = [0, 255].map(
        (byte) =>
          preprocess({ ...image, data: new Uint8Array(image.data.length).fill(byte) }, model.pictures.spec!).pixels[0],
      );
      expect(values[0]).toBeCloseTo(2, 6);
      expect(values[1]).toBeLessThan(0.01); // big_vision truncates: a reduced white may be a byte darker
      expect(report.notes.join()).toContain("white is 0");
    }
  });

  it("is in the files that the libraries read", () => {
    const { folder } = converted(released("hf/tiny"), "hugging-face");
    const written = JSON.parse(readFileSync(join(folder, "preprocessor_config.json"), "utf8"));
    expect(written).toEqual(JSON.parse(readFileSync(released("hf/tiny/preprocessor_config.json"), "utf8")));
  });
});

it("floats of a config.json are written as such, since transformers refuses integers in their place", () => {
  const folder = join(temporaryFolder(), "out");
  convertModel(open(own()), folder, "hugging-face");
  const config = readFileSync(join(folder, "config.json"), "utf8");
  expect(config).toMatch(/"layer_norm_eps": 0\.000001\b/);
  expect(config).not.toMatch(/"(initializer_factor|attention_dropout)": \d+,?$/m);
});

it("a model without a tokenizer is written without one, with a note", () => {
  const folder = join(temporaryFolder(), "out");
  const { files, notes } = convertModel(open(released("torch/open_clip/v1")), folder, "hugging-face");
  expect(files).toEqual(["model.safetensors", "config.json", "preprocessor_config.json"]);
  expect(notes.join()).toContain("tokenizer: none is written");
});

it("a folder that exists is left as it is, and a model that a layout cannot express is named", () => {
  expect(() => convertModel(open(released("hf/tiny")), temporaryFolder(), "open-clip")).toThrow(ModelFolderError);
  const folder = join(temporaryFolder(), "out");
  expect(() => convertModel(open(released("torch/open_clip/v2")), folder, "big-vision")).toThrow("image.gelu erf");
});
