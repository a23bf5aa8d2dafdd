/** Warnings about texts that a training cuts. */
import { expect, it } from "vitest";
import { resolveConfig } from "../../src/run/config.ts";
import { countCut, cutTrainingTexts } from "../../src/run/texts.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";

const emoji = resolveConfig("emoji", ["tokenizer.length=10"]);
const own = resolveConfig("files", ["tokenizer.length=10", "data.path=/pictures"]);
/** A hundred texts, of which some have more than nine bytes. */
const texts = (long: number): string[] =>
  Array.from({ length: 100 }, (_, i) => (i < long ? "a very long text" : "short"));

it("a few long names in a data set that comes with siglip-ts are no news, many are", () => {
  expect(countCut(byteTokenizer, texts(5), 10)).toBe(5);
  expect(cutTrainingTexts(emoji, byteTokenizer, texts(5))).toEqual([]);
  expect(cutTrainingTexts(emoji, byteTokenizer, texts(6))).toEqual([
    "6 of 100 texts are longer than the 9 tokens that the model reads; the rest is ignored",
  ]);
});

it("a single long caption of a user's own is said", () => {
  expect(cutTrainingTexts(own, byteTokenizer, texts(0))).toEqual([]);
  expect(cutTrainingTexts(own, byteTokenizer, texts(1))).toHaveLength(1);
});
