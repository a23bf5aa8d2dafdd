/**
 * Any text, for every kind of tokenizer: exactly `length` ids below vocabSize, in time that grows as the text does.
 *
 * `npm run test:mutations` takes every code point, in place of each 211th, and a text of a million letters.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { type JsonRecord, parseJson, readSentencePiece } from "../../src/formats/index.ts";
import {
  byteTokenizer,
  type Cleaning,
  sentencePieceTokenizer,
  type Tokenizer,
  tokenizerJsonTokenizer,
  trainBpe,
} from "../../src/tokenizers/index.ts";
import { cpuTime } from "../support/cpuTime.ts";
import { released } from "../support/released.ts";

const IS_LONG = process.env.MUTATIONS !== undefined;
const LENGTH = 64;

const fromJson = (path: string, cleaning: Cleaning, pad: string): Tokenizer => {
  const file = released(path);
  return tokenizerJsonTokenizer(parseJson(readFileSync(file), file) as JsonRecord, file, { cleaning, pad });
};
const siglip = readSentencePiece(readFileSync(released("hf/tiny/spiece.model")), "spiece.model");

const TOKENIZERS: Readonly<Record<string, Tokenizer>> = {
  bytes: byteTokenizer,
  "trained byte pairs": trainBpe(["grinning face", "face with tears of joy", "cat face", "o’clock"], 300),
  SentencePiece: sentencePieceTokenizer(siglip, { cleaning: "siglip", pad: 1 }),
  "tokenizer.json of SigLIP 2": fromJson("hf/siglip2/tokenizer.json", "siglip2", "<pad>"),
  "tokenizer.json of open_clip": fromJson("torch/open_clip/tokens/tokenizer.json", "openClip", "</s>"),
};

/** Texts of a few kilobytes and more, each of which takes a second or more if any step is quadratic. */
const HOSTILE: Readonly<Record<string, string>> = {
  "one letter": "a".repeat(IS_LONG ? 1e6 : 2e5),
  "words of one letter": "!a".repeat(2e4),
  spaces: " ".repeat(1e5),
  "spaces inside": `a${" ".repeat(5e4)}a`,
  "spaces before and after a mark": `a${" \t\u3000".repeat(2e4)}a</s>${" \n".repeat(2e4)}<unk> a`,
  "spaces before a mark": `${" ".repeat(5e4)}</s>`,
  marks: "</s> <unk>".repeat(3e3),
  "beginnings of marks": "</".repeat(2e4),
  "combining marks": `e${"\u0301".repeat(1e5)}`,
  "combining marks in the wrong order": `e${"\u0301\u0323".repeat(5e4)}`,
  "characters that expand": "\ufdfa".repeat(5e3),
  "families of emoji": "👩‍👩‍👧‍👦".repeat(3e3),
  "joined emoji": "👩‍".repeat(2e4),
  flags: "🇩".repeat(2e4),
  "right to left": "\u202e\u05d0\u0627\u200f".repeat(5e3),
  "lone surrogates": "\ud800".repeat(2e4),
  "surrogates in the wrong order": "\udc00\ud800".repeat(1e4),
  NUL: "\0".repeat(2e4),
  "bytes as words": "<0x0A>".repeat(5e3),
};

describe.each(Object.entries(TOKENIZERS))("the tokenizer %s gives length ids below vocabSize for", (_, tokenizer) => {
  const expectIds = (text: string): void => {
    const ids = tokenizer.encode(text, LENGTH);
    if (ids.length !== LENGTH || !ids.every((id) => id >= 0 && id < tokenizer.vocabSize)) {
      throw new Error(`${JSON.stringify(text.slice(0, 20))} gives ${ids}`);
    }
  };

  it("an empty text: the end and padding", () => {
    const ids = [...tokenizer.encode("", LENGTH)];
    expect(ids).toEqual([tokenizer.end, ...new Array(LENGTH - 1).fill(tokenizer.pad)]);
  });

  it.each(Object.keys(HOSTILE))("%s, in linear time", (name) => {
    expect(cpuTime(() => expectIds(HOSTILE[name]))).toBeLessThan(IS_LONG ? 10_000 : 2_000);
  });

  it("every code point", { timeout: 1_200_000 }, () => {
    for (let code = 0; code <= 0x10ffff; code += IS_LONG ? 1 : 211) expectIds(String.fromCodePoint(code));
  });
});
