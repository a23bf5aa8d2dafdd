/** What is easily done wrong with a model and gives no error, said as a warning: openModel.ts, loadTokenizer.ts, describeModel.ts. */
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadModel, saveModel } from "../../src/models/index.ts";
import { describeModel } from "../../src/run/describeModel.ts";
import { openModel } from "../../src/run/openModel.ts";
import { checkTexts } from "../../src/run/texts.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

/** A copy of the small model of Hugging Face. */
function copied(): string {
  const folder = join(temporaryFolder(), "model");
  cpSync(released("hf/tiny"), folder, { recursive: true });
  return folder;
}

function replace(file: string, from: string, to: string): void {
  const text = readFileSync(file, "utf8");
  expect(text).toContain(from);
  writeFileSync(file, text.replaceAll(from, to));
}

/** All warnings of a model when its texts and images are used. */
function warningsOf(path: string): string[] {
  const warnings: string[] = [];
  const model = openModel(path, (text) => warnings.push(text));
  void [model.tokenizer, model.pictures];
  return warnings;
}

describe("a warning says that", () => {
  it("nothing is wrong with a model as its library wrote it", () => {
    expect(warningsOf(released("hf/tiny"))).toEqual([]);
  });

  it("the tokenizer states another length than that of the training", () => {
    const folder = copied();
    replace(join(folder, "tokenizer_config.json"), '"model_max_length": 16', '"model_max_length": 64');
    expect(warningsOf(folder)).toEqual([
      expect.stringContaining("texts of 64 tokens, but the model was trained on 16"),
    ]);
  });

  it("texts keep their case", () => {
    const folder = copied();
    replace(join(folder, "tokenizer_config.json"), '"do_lower_case": true', '"do_lower_case": false');
    expect(warningsOf(folder)).toEqual([expect.stringMatching(/do_lower_case is false .* keep their case/)]);
  });

  it("texts keep their punctuation, since nothing names the class of the tokenizer", () => {
    const folder = copied();
    rmSync(join(folder, "tokenizer_config.json"));
    expect(warningsOf(folder)).toEqual([expect.stringMatching(/spiece\.model: .* keep their punctuation/)]);
  });

  it("texts are not cleaned as open_clip cleans those of SigLIP", () => {
    const folder = join(temporaryFolder(), "model");
    saveModel(loadModel(released("torch/open_clip/v1")).model, folder, "open-clip");
    cpSync(released("hf/siglip2/tokenizer.json"), join(folder, "tokenizer.json"));
    const warnings: string[] = [];
    expect(() => openModel(folder, (text) => warnings.push(text)).tokenizer).toThrow(/another model/);
    expect(warnings).toEqual([expect.stringContaining('open_clip_config.json does not say "clean": "canonicalize"')]);
  });

  it("GELU is not that of SigLIP", () => {
    const folder = copied();
    replace(join(folder, "config.json"), "gelu_pytorch_tanh", "gelu");
    expect(warningsOf(folder)).toEqual([expect.stringContaining("hidden_act is gelu")]);
  });
});

describe("the description of a model notes", () => {
  const notes = (path: string): string[] => [...describeModel(openModel(path, () => {})).notes];

  it("the length of padded texts, and nothing else of a usual model", () => {
    expect(notes(released("hf/tiny"))).toEqual([expect.stringMatching(/^texts must be padded to 16 tokens/)]);
  });

  it("an exact GELU, and in which tower", () => {
    expect(notes(released("torch/open_clip/v1")).join()).toContain("GELU is exact in the image tower and text tower");
    expect(notes(released("torch/open_clip/v2")).join()).toContain("GELU is exact in the image tower;");
  });

  it("a temperature above or at open_clip's clamp", () => {
    const { model } = loadModel(released("hf/tiny"));
    const saved = (t: number, layout: "hugging-face" | "open-clip"): string => {
      const folder = join(temporaryFolder(), "model");
      model.tPrime.value.data[0] = Math.log(t);
      saveModel(model, folder, layout);
      return notes(folder).join();
    };
    expect(saved(117.3, "hugging-face")).toContain("t 117.3 is above 100, to which open_clip cuts it");
    expect(saved(100, "open-clip")).toContain("t is 100, where open_clip cuts it");
    expect(saved(99, "open-clip")).not.toContain("open_clip cuts");
  });
});

it("a text that the tokenizer leaves nothing of is refused", () => {
  const { tokenizer } = openModel(released("hf/tiny"), () => {});
  expect(() => checkTexts("the label", tokenizer, ["a cat", "?!"], 16)).toThrow('the label "?!" is empty');
});
