import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadTokenizer } from "../../src/run/index.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";
import { released } from "../support/released.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";
import { TINY } from "../support/tinyModel.ts";

const never = (warning: string): never => {
  throw new Error(warning);
};

/** A folder of a saved model with this tokenizer, without its weights. */
function saved(tokenizer: unknown): string {
  const folder = temporaryFolder();
  const about = { format: "siglip-ts model", version: 1, sha256: "0".repeat(64), dtype: "f32", model: TINY, tokenizer };
  writeFileSync(join(folder, "model.json"), JSON.stringify(about));
  return folder;
}

describe("the tokenizer of", () => {
  it("a run is that of its checkpoint", () => {
    const tokenizer = loadTokenizer(released("run/first"), never);
    expect(tokenizer.decode(tokenizer.encode("red heart", 32))).toBe("red heart");
  });

  it("a saved model stands beside its weights, which are not read", () => {
    const tokenizer = loadTokenizer(saved(byteTokenizer.toJSON()), never);
    expect(tokenizer.encode("a cat", 8)).toEqual(byteTokenizer.encode("a cat", 8));
  });

  it("a model that was saved without one is missed, with what to do", () => {
    expect(() => loadTokenizer(saved(null), never)).toThrow(/was saved without (its|a) tokenizer; save it with/);
  });

  it("a folder of nothing is missed, with what was expected", () => {
    const folder = join(temporaryFolder(), "empty");
    mkdirSync(folder);
    expect(() => loadTokenizer(folder, never)).toThrow(/has no tokenizer: expected a run/);
  });
});

describe("the tokenizer of open_clip", () => {
  const folder = released("torch/open_clip/tokens");
  const { texts, ids } = JSON.parse(readFileSync(join(folder, "ids.json"), "utf8")) as {
    texts: string[];
    ids: number[][];
  };

  it("gives open_clip's ids, with texts cleaned as its configuration says, but for what ftfy repairs there", () => {
    const tokenizer = loadTokenizer(folder, never);
    expect(texts.length).toBe(187);
    const wrong = texts.filter((text, i) => `${[...tokenizer.encode(text, 16)]}` !== `${ids[i]}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: ftfy removes them
    const repaired = /[‘’“”\ufeff\uff01-\uff5e\0-\x08\x0e-\x1f\x7f-\x9f]/;
    expect(wrong.filter((text) => !repaired.test(text))).toEqual([]);
    expect(wrong.length).toBeLessThan(10);
  });
});
