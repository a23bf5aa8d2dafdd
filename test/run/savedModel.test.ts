import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/formats/index.ts";
import { NonFiniteError, parametersOf } from "../../src/nn/index.ts";
import { RunFolderError } from "../../src/run/runFolder.ts";
import { loadModel, saveModel } from "../../src/run/savedModel.ts";
import { ModelConfigError, type SigLip } from "../../src/siglip/index.ts";
import { byteTokenizer, TokenizerError, trainBpe } from "../../src/tokenizers/index.ts";
import { expectSameBits } from "../support/expect.ts";
import { SimulatedFs } from "../support/simulatedFs.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { TINY, tinyModel } from "../support/tinyModel.ts";

const numbersOf = (model: SigLip): number[] =>
  [...parametersOf(model).values()].flatMap(({ value }) => Array.from(value.toArray()));

/** A folder with a saved model. */
function saved(): string {
  const folder = join(temporaryFolder(), "new", "model");
  saveModel(folder, tinyModel(), byteTokenizer);
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
    saveModel(folder, model);
    const loaded = loadModel(folder);
    expectSameBits(numbersOf(loaded.model), numbersOf(model));
    expect(loaded.model.config).toEqual(model.config);
    expect(loaded.tokenizer).toBeUndefined();
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
    saveModel(folder, model);
    const loaded = loadModel(folder).model;
    expectSameBits(numbersOf(loaded), numbersOf(model));
    expect(loaded.config).toEqual(model.config);
  });

  it("has its tokenizer", () => {
    const folder = join(temporaryFolder(), "model");
    const tokenizer = trainBpe(["a red circle", "a red square"], 300);
    saveModel(folder, tinyModel(), tokenizer);
    const loaded = loadModel(folder).tokenizer!;
    expect(loaded.encode("a red circle", 8)).toEqual(tokenizer.encode("a red circle", 8));
  });
});

describe("saveModel", () => {
  it("overwrites nothing: a folder that is not empty is rejected", () => {
    const folder = saved();
    const before = readFileSync(join(folder, "model.json"));
    expect(() => saveModel(folder, tinyModel())).toThrow(RunFolderError);
    expect(readFileSync(join(folder, "model.json"))).toEqual(before);
  });

  it("rejects a parameter that is not finite, and makes no folder", () => {
    const folder = join(temporaryFolder(), "model");
    const model = tinyModel();
    model.text.head!.bias.value.data[1] = Number.NaN;
    expect(() => saveModel(folder, model)).toThrow(new NonFiniteError("saveModel: text/head/bias holds NaN or infinity; nothing was written")); // biome-ignore format: one line
    expect(existsSync(folder)).toBe(false);
  });

  it("leaves a complete model or none after a kill or a power cut at any point", () => {
    const model = tinyModel();
    const total = new SimulatedFs(["/"], 1e6);
    saveModel("/model", model, byteTokenizer, total);
    for (let last = 1; last <= total.operations; last++) {
      const fs = new SimulatedFs(["/"], 1e6);
      fs.faultAt = (operation) => (operation === last ? "kill" : undefined);
      try {
        saveModel("/model", model, byteTokenizer, fs);
      } catch {
        // killed
      }
      for (const after of [fs.afterKill(), fs.afterPowerCut(() => 0), fs.afterPowerCut((n) => n - 1)]) {
        try {
          expectSameBits(numbersOf(loadModel("/model", after).model), numbersOf(model));
        } catch (error) {
          expect(error).toBeInstanceOf(RunFolderError);
        }
      }
    }
  });
});

describe("loadModel refuses", () => {
  it.each<[string, () => string, new (...args: never[]) => Error, RegExp]>([
    ["a folder without a model", () => temporaryFolder(), RunFolderError, /is not a saved model/],
    ["another format", () => changed((about) => { about.format = "x"; }), FormatError, /expected "format"/],
    ["a later version", () => changed((about) => { about.version = 2; }), FormatError, /version 2 is unknown/],
    ["a configuration that is none", () => changed((about) => { about.model = {}; }), FormatError, /"image" and "text"/],
    ["a configuration that no model has", () => changed((about) => { (about.model as { embedDim: number }).embedDim = 0; }), ModelConfigError, /embedDim/],
    ["a configuration of another model", () => changed((about) => { (about.model as { embedDim: number }).embedDim = 4; }), FormatError, /text\/head\/kernel is \[8, 8\], not \[8, 4\]/],
    ["a configuration of a model too large for any memory", () => changed((about) => { (about.model as { image: { width: number; numHeads: number } }).image.width = 2 ** 20; }), FormatError, /it has \d+ numbers, and the model of model\.json has \d+/],
    ["a tokenizer that is none", () => changed((about) => { about.tokenizer = { kind: "words" }; }), TokenizerError, /"kind"/],
    ["weights of another model", () => changed((about) => { about.sha256 = "0"; }), FormatError, /SHA-256/],
  ])("%s", (_, make, kind, message) => {
    const folder = make();
    expect(() => loadModel(folder)).toThrow(kind);
    expect(() => loadModel(folder)).toThrow(message);
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
    expect(() => loadModel(folder)).toThrow(/model\.safetensors does not exist/);
  });
});
