/** tokenizer.json: what is not understood is refused by name, and what is written here is read here. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { type JsonRecord, type JsonValue, jsonText, parseJson } from "../../src/formats/index.ts";
import {
  byteTokenizer,
  tokenizerJsonTokenizer,
  tokenizerWritten,
  trainBpe,
  writeTokenizerJson,
} from "../../src/tokenizers/index.ts";

const path = fileURLToPath(new URL("../fixtures/hf/siglip2/tokenizer.json", import.meta.url));
const good = parseJson(readFileSync(path), "tokenizer.json") as JsonRecord;
const model = good.model as JsonRecord;
const open = (file: JsonRecord) => tokenizerJsonTokenizer(file, "tokenizer.json", { cleaning: "none" });
const withModel = (part: JsonRecord): JsonRecord => ({ ...good, model: { ...model, ...part } });
const size = Object.keys(model.vocab as JsonRecord).length;
const long = "a".repeat(1025);
const unigram = (vocab: JsonValue, unk_id = 0): JsonRecord => ({ ...good, model: { type: "Unigram", unk_id, vocab } });
const charsmap = (precompiled_charsmap: string): JsonRecord => ({ ...good, normalizer: { type: "Precompiled", precompiled_charsmap } }); // biome-ignore format: one line
const regex = (pattern: string): JsonRecord => ({ ...good, normalizer: { type: "Replace", pattern: { Regex: pattern }, content: "" } }); // biome-ignore format: one line

describe("a tokenizer.json is refused if", () => {
  it.each<[string, JsonRecord, string, string]>([
    ["a section is unknown", { ...good, extra: 1 }, "TOKENIZER_UNSUPPORTED", 'the section "extra"'],
    ["its model is unknown", withModel({ type: "WordPiece" }), "TOKENIZER_UNSUPPORTED", "model WordPiece"],
    ["its model has an unknown key", withModel({ cache: 3 }), "TOKENIZER_UNSUPPORTED", "model.cache 3"],
    ["merges are dropped", withModel({ dropout: 0.1 }), "TOKENIZER_UNSUPPORTED", "model.dropout 0.1"],
    ["a normalizer is unknown", { ...good, normalizer: { type: "Nmt" } }, "TOKENIZER_UNSUPPORTED", "normalizer Nmt"],
    ["a regular expression is unknown", regex("(a+)+$"), "TOKENIZER_UNSUPPORTED", "(a+)+$"],
    ["a regular expression is huge", regex("(a|".repeat(3e5)), "TOKENIZER_UNSUPPORTED", "with the pattern"],
    [
      "a pre_tokenizer is unknown",
      { ...good, pre_tokenizer: { type: "BertPreTokenizer" } },
      "TOKENIZER_UNSUPPORTED",
      "pre_tokenizer BertPreTokenizer",
    ],
    ["a decoder is unknown", { ...good, decoder: { type: "CTC" } }, "TOKENIZER_UNSUPPORTED", "decoder CTC"],
    ["no end is added", { ...good, post_processor: null }, "TOKENIZER_UNSUPPORTED", "adds no end"],
    [
      "it pads on the left",
      { ...good, padding: { direction: "Left", pad_id: 0 } },
      "TOKENIZER_UNSUPPORTED",
      'padding.direction "Left"',
    ],
    ["an id is negative", withModel({ vocab: { a: -1 } }), "TOKENIZER_JSON", 'gives "a" the id -1'],
    ["an id occurs twice", withModel({ vocab: { a: 0, b: 0 } }), "TOKENIZER_JSON", 'gives "b" the id 0'],
    ["an id is left out", withModel({ vocab: { a: 0, b: 2 } }), "TOKENIZER_JSON", 'gives "b" the id 2'],
    ["an id is too large", withModel({ vocab: { a: 2 ** 40 } }), "TOKENIZER_JSON", "the id 1099511627776"],
    [
      "a merge has an unknown piece",
      withModel({ merges: [["zz", "qq"]] }),
      "TOKENIZER_JSON",
      '"zz" is not in the vocabulary',
    ],
    [
      "there are four million merges",
      withModel({ merges: new Array<string>(2 ** 22 + 1).fill("a b") }),
      "TOKENIZER_JSON",
      "4194305 merges, at most 4194304",
    ],
    ["a merge has one piece", withModel({ merges: ["a"] }), "TOKENIZER_JSON", "merges[0] must be two pieces"],
    ["a byte is missing", withModel({ vocab: { "<unk>": 0 }, merges: [] }), "TOKENIZER_JSON", "needs the piece <0x00>"],
    [
      "nothing is unknown",
      withModel({ unk_token: null, byte_fallback: false }),
      "TOKENIZER_JSON",
      "model.unk_token is null",
    ],
    [
      "an added token has another's id",
      { ...good, added_tokens: [{ id: 5, content: "zzz" }] },
      "TOKENIZER_JSON",
      'added_tokens[0] is "zzz" with id 5',
    ],
    [
      "an added token occurs twice",
      { ...good, added_tokens: [0, 1].map((i) => ({ id: size + i, content: "<new>" })) },
      "TOKENIZER_JSON",
      'added_tokens[1] is "<new>"',
    ],
    [
      "an added token leaves out an id",
      { ...good, added_tokens: [{ id: size + 1, content: "<new>" }] },
      "TOKENIZER_JSON",
      `or id ${size}`,
    ],
    [
      "a piece is too long",
      withModel({ vocab: { [long]: 0 }, merges: [] }),
      "TOKENIZER_JSON",
      "piece 0 is longer than 1024 bytes",
    ],
    [
      "a unigram piece occurs twice",
      unigram([
        ["a", 0],
        ["a", 0],
      ]),
      "TOKENIZER_JSON",
      "model.vocab[1] must be a new piece",
    ],
    [
      "a unigram piece has no score",
      unigram([["a"]]),
      "TOKENIZER_JSON",
      "model.vocab[0] must be a new piece with its score",
    ],
    ["a unigram model has no unknown piece", unigram([["a", 0]], 1), "TOKENIZER_JSON", "model.unk_id is 1"],
    ["a unigram model has no pieces", unigram([]), "TOKENIZER_JSON", "model.unk_id is 0"],
    ["its charsmap is no base64", charsmap("?"), "TOKENIZER_JSON", "precompiled_charsmap must be base64"],
    ["there is no padding", { ...good, added_tokens: [] }, "TOKENIZER_JSON", 'filled with "<pad>"'],
  ])("%s", (_, file, code, message) => {
    expect(() => open(file)).toThrow(message);
    expect(() => open(file)).toThrow(expect.objectContaining({ name: "FormatError", code }));
  });
});

it("pieces may have any name", () => {
  const vocab = Object.create(null);
  for (const piece of ["__proto__", "constructor", "_", "<unk>"]) vocab[piece] = Object.keys(vocab).length;
  const file = { ...withModel({ vocab, merges: [], byte_fallback: false }), post_processor: null, added_tokens: [] };
  const end = { SpecialToken: { id: "e", type_id: 0 } };
  const single = [{ Sequence: { id: "A", type_id: 0 } }, end];
  const post_processor = {
    type: "TemplateProcessing",
    single,
    pair: single,
    special_tokens: { e: { id: "e", ids: [0], tokens: ["e"] } },
  };
  const tokenizer = tokenizerJsonTokenizer({ ...file, post_processor }, "tokenizer.json", { cleaning: "none", pad: 1 });
  expect([...tokenizer.encode("_x", 4)]).toEqual([2, 3, 0, 1]);
});

describe("a tokenizer trained here", () => {
  const bpe = trainBpe(["grinning face", "cat face", "man: red hair", "o’clock"], 300);

  it("is the same after it is written as tokenizer.json and read", () => {
    const text = jsonText(writeTokenizerJson(bpe, 16));
    const again = tokenizerWritten(parseJson(new TextEncoder().encode(text), "tokenizer.json") as JsonRecord);
    expect(again?.toJSON()).toEqual(bpe.toJSON());
  });

  it("is not taken for one if anything else was changed", () => {
    const file = writeTokenizerJson(bpe, 16);
    expect(tokenizerWritten({ ...file, normalizer: null })).toBeUndefined();
    expect(tokenizerWritten(good)).toBeUndefined();
  });

  it("cannot be written if its kind has no such form", () => {
    expect(() => writeTokenizerJson(byteTokenizer, 16)).toThrow('a tokenizer of kind "bytes", version 2');
  });

  it("decodes to the words that it encoded", () => {
    expect(bpe.decode(bpe.encode("Cat  FACE, héé!", 60))).toBe("cat face, héé!");
    expect(byteTokenizer.decode(byteTokenizer.encode("Cat  FACE, héé!", 60))).toBe("cat face, héé!");
  });
});
