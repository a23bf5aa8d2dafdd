/** Tokenizers beside weights: read again, they give the same ids, or a note says what differs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSentencePiece } from "../../src/formats/index.ts";
import { type LayoutName, loadModel, saveModel } from "../../src/models/index.ts";
import { tokenizerFiles } from "../../src/models/tokenizerFiles.ts";
import { loadTokenizer } from "../../src/run/loadTokenizer.ts";
import { byteTokenizer, type Tokenizer, tokenizerFromJSON, trainBpe } from "../../src/tokenizers/index.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { tinyModel } from "../support/tinyModel.ts";

const LENGTH = 16;
const never = (): never => {
  throw new Error("no warning was expected");
};

const siglip = loadTokenizer(released("hf/tiny"), never);
const siglip2 = loadTokenizer(released("hf/siglip2"), never);
const bigVision = loadTokenizer(released("hf/tiny/spiece.model"), never);
const withRule = (tokenizer: Tokenizer, cleaning: string): Tokenizer =>
  tokenizerFromJSON({ ...JSON.parse(JSON.stringify(tokenizer)), cleaning });
const TOKENIZERS: Readonly<Record<string, Tokenizer>> = {
  siglip,
  "siglip in case": withRule(siglip, "siglipCased"),
  siglip2,
  bigVision: withRule(bigVision, "bigVision"),
  openClip: withRule(siglip2, "openClip"),
  bpe: trainBpe(["a red circle above a blue square", "red square"], 300),
  bytes: byteTokenizer,
};
const LAYOUTS: readonly LayoutName[] = ["siglip-ts", "hugging-face", "big-vision", "open-clip"];

/** Saved with a model, and loaded again. */
function saved(tokenizer: Tokenizer, layout: LayoutName) {
  const folder = join(temporaryFolder(), "model");
  const { notes } = saveModel(tinyModel(), folder, layout, { tokenizer });
  return { again: loadTokenizer(folder, () => {}), notes, folder };
}

/** Which rule a library has no word for. */
const differs = (name: string, layout: LayoutName): boolean =>
  (name === "bigVision" && (layout === "hugging-face" || layout === "open-clip")) ||
  (name === "openClip" && (layout === "hugging-face" || layout === "big-vision"));

describe.each(Object.entries(TOKENIZERS))("the tokenizer %s", (name, tokenizer) => {
  it.each(LAYOUTS)("beside weights of %s gives the same ids, unless a note says how texts differ", (layout) => {
    const { again, notes } = saved(tokenizer, layout);
    if (differs(name, layout)) {
      expect(notes.join()).toMatch(/texts: /);
      return;
    }
    const texts = fc.oneof(fc.string(), fc.constantFrom("A Red_Circle, above!", "two  dogs", "Café ΣΑΣ", "</s>"));
    fc.assert(
      fc.property(texts, (text) => {
        expect(again.encode(text, LENGTH)).toEqual(tokenizer.encode(text, LENGTH));
      }),
      { numRuns: 60 },
    );
  });
});

describe("what is written", () => {
  it("is what the library of SigLIP reads", () => {
    const { folder } = saved(siglip, "hugging-face");
    const [written, theirs] = [join(folder, "spiece.model"), released("hf/tiny/spiece.model")].map((path) =>
      readSentencePiece(readFileSync(path), path),
    );
    expect(written).toEqual(theirs);
    const config = JSON.parse(readFileSync(join(folder, "tokenizer_config.json"), "utf8"));
    expect(config).toEqual({
      ...{ tokenizer_class: "SiglipTokenizer", do_lower_case: true, model_max_length: 5, padding_side: "right" },
      ...{ pad_token: "</s>", eos_token: "</s>", unk_token: "<unk>" },
    });
  });

  it("names the tokenizer and its cleaning for open_clip", () => {
    const { folder } = saved(TOKENIZERS.openClip, "open-clip");
    const { text_cfg: text } = JSON.parse(readFileSync(join(folder, "open_clip_config.json"), "utf8")).model_cfg;
    expect(text.hf_tokenizer_name).not.toBe(""); // open_clip takes the folder if there is any name
    expect(text.tokenizer_kwargs).toEqual({ clean: "canonicalize" });
  });

  it("is for siglip-ts alone where no other form exists, and a note says so", () => {
    const { notes } = tokenizerFiles(byteTokenizer, LENGTH, "hugging-face");
    expect(notes).toEqual([expect.stringContaining("for siglip-ts alone")]);
    expect(tokenizerFiles(siglip, LENGTH, "hugging-face").notes).toEqual([]);
  });
});

it("a model of a library keeps its tensors beside a tokenizer", () => {
  const { model } = loadModel(released("hf/tiny"));
  const folder = join(temporaryFolder(), "model");
  saveModel(model, folder, "hugging-face", { tokenizer: siglip });
  expect(loadModel(folder).config).toEqual(loadModel(released("hf/tiny")).config);
});
