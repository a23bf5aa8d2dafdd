import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/formats/index.ts";
import { loadModel, loadTower, ModelFolderError, savedTokenizer, saveModel } from "../../src/models/index.ts";
import { NonFiniteError, parametersOf } from "../../src/nn/index.ts";
import type { SigLip } from "../../src/siglip/index.ts";
import { byteTokenizer, TokenizerError, trainBpe } from "../../src/tokenizers/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { TINY, tinyModel } from "../support/tinyModel.ts";

const numbersOf = (model: SigLip): number[] =>
  [...parametersOf(model).values()].flatMap(({ value }) => Array.from(value.toArray()));

/** A folder with a saved model. */
function saved(): string {
  const folder = join(temporaryFolder(), "new", "model");
  saveModel(tinyModel(), folder, "siglip-ts", { tokenizer: byteTokenizer });
  return folder;
}

/** The same with `model.json` changed. */
function changed(change: (about: Record<string, unknown>) => void): string {
  const folder = saved();
  const file = join(folder, "model.json");
  const about = JSON.parse(readFileSync(file, "utf8"));
  change(about);
  writeFileSync(file, JSON.stringify(about));
  return folder;
}

describe("a model that is saved and loaded", () => {
  it.each(["f32", "f64"] as const)("has the same bits, in %s", (dtype) => {
    const folder = join(temporaryFolder(), "model");
    const model = tinyModel(dtype);
    saveModel(model, folder, "siglip-ts");
    const loaded = loadModel(folder);
    expectSameBits(numbersOf(loaded.model), numbersOf(model));
    expect(loaded.model.config).toEqual(model.config);
    expect(savedTokenizer(folder)).toBeUndefined();
  });

  it("has every option of its towers", () => {
    const folder = join(temporaryFolder(), "model");
    const image = {
      ...TINY.image,
      imageSize: [8, 12],
      pooling: "tok",
      repSize: 5,
      gelu: "erf",
      patchDropout: 0.5,
    } as const;
    const text = { ...TINY.text, pooling: "max", bottleneck: 3, gelu: "erf", head: false } as const;
    const model = tinyModel("f32", { ...TINY, image, text });
    saveModel(model, folder, "siglip-ts");
    const loaded = loadModel(folder).model;
    expectSameBits(numbersOf(loaded), numbersOf(model));
    expect(loaded.config).toEqual(model.config);
  });

  it("is read a tower at a time", () => {
    const folder = saved();
    const { image, text } = tinyModel();
    for (const [name, tower] of [
      ["image", image],
      ["text", text],
    ] as const) {
      const numbers = (module: object) => [...parametersOf(module)].map(([path, { value }]) => [path, [...value.data]]);
      expect(numbers(loadTower(folder, name as "image").tower)).toEqual(numbers(tower));
    }
  });

  it("has its tokenizer", () => {
    const folder = join(temporaryFolder(), "model");
    const tokenizer = trainBpe(["a red circle", "a red square"], 300);
    saveModel(tinyModel(), folder, "siglip-ts", { tokenizer });
    const loaded = savedTokenizer(folder)!;
    expect(loaded.encode("a red circle", 8)).toEqual(tokenizer.encode("a red circle", 8));
  });
});

describe("saving a model in our own layout", () => {
  it("overwrites nothing: a folder that exists is rejected", () => {
    const folder = saved();
    const before = readFileSync(join(folder, "model.json"));
    expect(() => saveModel(tinyModel(), folder, "siglip-ts")).toThrow(ModelFolderError);
    expect(readFileSync(join(folder, "model.json"))).toEqual(before);
  });

  it("rejects a parameter that is not finite, and makes no folder", () => {
    const folder = join(temporaryFolder(), "model");
    const model = tinyModel();
    model.text.head!.bias.value.data[1] = Number.NaN;
    expect(() => saveModel(model, folder, "siglip-ts")).toThrow(new NonFiniteError("saveModel: text/head/bias holds NaN or infinity; nothing was written")); // biome-ignore format: one line
    expect(existsSync(folder)).toBe(false);
  });
});

describe("loadModel refuses", () => {
  it.each<[string, () => string, new (...args: never[]) => Error, RegExp]>([
    ["a folder without a model", () => temporaryFolder(), FormatError, /no model in it: expected .*model\.json/],
    ["another format", () => changed((about) => { about.format = "x"; }), FormatError, /expected "format"/],
    ["a later version", () => changed((about) => { about.version = 2; }), FormatError, /version 2 is unknown/],
    ["a configuration that is none", () => changed((about) => { about.model = {}; }), FormatError, /"image" and "text"/],
    ["a configuration that no model has", () => changed((about) => { (about.model as { embedDim: number }).embedDim = 0; }), FormatError, /embedDim/],
    ["a configuration of another model", () => changed((about) => { (about.model as { embedDim: number }).embedDim = 4; }), FormatError, /"text\/head\/kernel" is \[8,8\], not \[8,4\]/],
    ["a configuration of a model too large for any memory", () => changed((about) => { (about.model as { image: { width: number; numHeads: number } }).image.width = 2 ** 20; }), FormatError, /of a model of \d+ numbers, but the file has only \d+/],
    ["a tokenizer that is none", () => changed((about) => { about.tokenizer = { kind: "words" }; }), TokenizerError, /"kind"/],
    ["weights of another model", () => changed((about) => { about.sha256 = "0"; }), FormatError, /SHA-256/],
  ])("%s", (_, make, kind, message) => {
    const folder = make();
    const load = () => {
      loadModel(folder);
      savedTokenizer(folder);
    };
    expect(load).toThrow(kind);
    expect(load).toThrow(message);
  }); // biome-ignore format: a case a line

  it("every damaged byte of the weights, and every cut", () => {
    const folder = saved();
    const file = join(folder, "model.safetensors");
    const bytes = readFileSync(file);
    for (let at = 0; at < bytes.length; at += 97) {
      const damaged = Buffer.from(bytes);
      damaged[at] ^= 1;
      for (const content of [damaged, bytes.subarray(0, at)]) {
        writeFileSync(file, content);
        expect(() => loadModel(folder)).toThrow(FormatError);
      }
    }
    rmSync(file);
    expect(() => loadModel(folder)).toThrow(/expected model\.safetensors/);
  });
});
