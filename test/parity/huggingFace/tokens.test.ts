/** Hugging Face's tokenizers of SigLIP and SigLIP 2: every id of every text. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadTokenizer } from "../../../src/run/index.ts";
import { tokenizerFromJSON } from "../../../src/tokenizers/index.ts";

const path = (name: string): string => fileURLToPath(new URL(`../../fixtures/hf/${name}`, import.meta.url));
const json = (name: string) => JSON.parse(readFileSync(path(name), "utf8"));
const never = (warning: string): never => {
  throw new Error(warning);
};

describe("SigLIP's tokenizer", () => {
  const { texts, rows } = json("tokens.json") as {
    texts: string[];
    rows: { max_length: number; ids: number[][] }[];
  };
  const loaded = loadTokenizer(path("tiny"), never);

  it.each([
    ["from its folder", loaded],
    ["after a round trip through its JSON", tokenizerFromJSON(JSON.parse(JSON.stringify(loaded)))],
  ])("%s gives Hugging Face's ids", (_, tokenizer) => {
    expect(texts.length).toBe(187);
    for (const { max_length: length, ids } of rows) {
      expect(texts.map((text) => [...tokenizer.encode(text, length)])).toEqual(ids);
    }
  });

  it("lets no text after a mark begin a word, and keeps a space that normalization makes there", () => {
    const ids = (text: string) => [...loaded.encode(text, 6)];
    expect(ids("a</s>\ufeffcat")).toEqual([...ids("a").slice(0, 1), 1, ...ids("cat").slice(0, 1), 1, 1, 1]);
  });
});

describe("SigLIP 2's tokenizer", () => {
  const { texts, ids, decoded } = json("tokens_siglip2.json") as {
    texts: string[];
    ids: number[][];
    decoded: string[];
  };
  const loaded = loadTokenizer(path("siglip2"), never);

  it.each([
    ["from its folder", loaded],
    ["after a round trip through its JSON", tokenizerFromJSON(JSON.parse(JSON.stringify(loaded)))],
  ])("%s gives the ids of tokenizers", (_, tokenizer) => {
    expect(texts.map((text) => [...tokenizer.encode(text, 16)])).toEqual(ids);
    expect([tokenizer.vocabSize, tokenizer.end, tokenizer.pad]).toEqual([1202, 1, 0]);
  });

  it("decodes as tokenizers does", () => {
    expect(texts.map((text) => loaded.decode(loaded.encode(text, 600)))).toEqual(decoded);
  });
});
