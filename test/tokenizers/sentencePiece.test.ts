/** SentencePiece tokenizers: the best pieces, and what decoding gives. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readSentencePiece, type SentencePieceModel } from "../../src/formats/index.ts";
import {
  encodeAll,
  isCut,
  sentencePieceTokenizer,
  tokenizerFromJSON,
  unknownWords,
} from "../../src/tokenizers/index.ts";
import { pieceDecoder, pieceEncoder } from "../../src/tokenizers/pieces.ts";

const path = fileURLToPath(new URL("../fixtures/hf/tiny/spiece.model", import.meta.url));
const unigram = readSentencePiece(readFileSync(path), "spiece.model");
const siglip = sentencePieceTokenizer(unigram, { cleaning: "siglip", pad: 1 });
const normalizer = {
  charsmap: new Uint8Array(0),
  addDummyPrefix: false,
  removeExtraWhitespaces: false,
  escapeWhitespaces: true,
};
const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, "0")}>`);
/** As Gemma's: BPE, bytes for what is no piece, nothing is normalized but spaces. */
const bpe: SentencePieceModel = {
  kind: "bpe",
  pieces: [
    { text: "<pad>", score: 0, type: "control" },
    { text: "<eos>", score: 0, type: "control" },
    { text: "<unk>", score: 0, type: "unknown" },
    ...bytes.map((text) => ({ text, score: 0, type: "byte" }) as const),
    { text: "<h1>", score: 0, type: "userDefined" },
    ...["ab", "▁a", "abc", "aa", "a", "b", "c", "▁"].map((text, i) => ({ text, score: -i, type: "normal" }) as const),
  ],
  byteFallback: true,
  eosPiece: "<eos>",
  unkSurface: " ⁇ ",
  normalizer,
};
const gemma = sentencePieceTokenizer(bpe, { cleaning: "siglip2", pad: 0 });
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.lorem(),
  fc.string({ unit: fc.constantFrom(..."aabc ▁<h1>é") }),
);

/** The best sum of scores by trying all pieces at all places: no trie, no stored paths. */
function bestScore(characters: readonly string[], { pieces }: SentencePieceModel): number {
  const scores = new Map(pieces.filter(({ type }) => type === "normal").map((each) => [each.text, each.score]));
  const unknown = Math.fround(Math.min(...scores.values()) - 10);
  const best = [0];
  for (let end = 1; end <= characters.length; end++) {
    best[end] = Math.fround(best[end - 1] + unknown);
    for (let start = 0; start < end; start++) {
      const score = scores.get(characters.slice(start, end).join(""));
      if (score !== undefined) best[end] = Math.max(best[end], Math.fround(best[start] + score));
    }
  }
  return best[characters.length];
}

describe("unigram encoding", () => {
  it("finds a sum of scores as large as that of a search of all pieces at all places", () => {
    const encode = pieceEncoder({ ...unigram, normalizer: { ...normalizer, escapeWhitespaces: false } });
    const scores = new Map(unigram.pieces.map((each) => [each.text, each.score]));
    const letters = fc.constantFrom(..."abcdeghlnorst▁");
    fc.assert(
      fc.property(fc.array(letters, { maxLength: 40 }), (characters) => {
        const ids = encode(characters.join(""), true);
        expect(ids.map((id) => unigram.pieces[id].text).join("")).toBe(characters.join(""));
        const sum = ids.reduce((total, id) => Math.fround(total + (scores.get(unigram.pieces[id].text) as number)), 0);
        expect(sum).toBe(bestScore(characters, unigram));
      }),
    );
  });
});

describe("BPE", () => {
  const encode = (value: string) => pieceEncoder(bpe)(value, true).map((id) => bpe.pieces[id].text);
  it.each([
    ["abc", ["abc"]],
    ["aab", ["a", "ab"]],
    ["aaab", ["aa", "ab"]],
    [" abc", ["▁", "abc"]],
    ["a<h1>b", ["a", "<h1>", "b"]],
    ["é", ["<0xC3>", "<0xA9>"]],
  ])("encodes %j with the best merge first, symbols whole, and bytes for the rest", (value, expected) => {
    expect(encode(value)).toEqual(expected);
  });

  it("decodes to the text that it encoded", () => {
    const decode = pieceDecoder(bpe);
    fc.assert(
      fc.property(text, (value) => {
        fc.pre(!/\p{Cs}/u.test(value) && !value.includes("▁"));
        expect(decode(pieceEncoder(bpe)(value, true))).toBe(value);
      }),
    );
  });
});

describe.each([
  ["SigLIP's tokenizer", siglip],
  ["a tokenizer like SigLIP 2's", gemma],
])("%s", (_, tokenizer) => {
  it("gives exactly length ids below vocabSize for any text: the beginning, the end, padding", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 40 }), (value, length) => {
        const ids = [...tokenizer.encode(value, length)];
        const whole = [...tokenizer.encode(value, 2000)];
        const count = whole.findLastIndex((id) => id !== tokenizer.pad && id !== tokenizer.end) + 1;
        expect(ids.length).toBe(length);
        expect(ids.every((id) => id >= 0 && id < tokenizer.vocabSize)).toBe(true);
        expect(isCut(tokenizer, value, length)).toBe(count > length - 1);
        if (count > length - 1) expect(ids).toEqual([...whole.slice(0, length - 1), tokenizer.end]);
        else expect(ids).toEqual(whole.slice(0, length));
      }),
    );
  });

  it("is the same after a round trip through its JSON", () => {
    const again = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)));
    const texts = fc.sample(text, { numRuns: 100, seed: 1 });
    expect(encodeAll(again, texts, 32)).toEqual(encodeAll(tokenizer, texts, 32));
    expect([again.vocabSize, again.end, again.pad]).toEqual([tokenizer.vocabSize, tokenizer.end, tokenizer.pad]);
  });

  it("refuses a length that holds no text", () => {
    for (const length of [0, -1, 1.5, 1e9])
      expect(() => tokenizer.encode("a", length)).toThrow(`encode: length ${length}`);
  });
});

it("words that are unknown or bytes are named", () => {
  expect(unknownWords(siglip, "cat ☃ dog")).toEqual(["☃"]);
  expect(unknownWords(gemma, "abc é")).toEqual(["é"]);
});

/** Nine million bytes of pieces. */
const longPieces = Array.from({ length: 9000 }, (_, i) => ({ text: `${i}`.padEnd(1000), score: -1, type: "normal" as const })); // biome-ignore format: one line

it.each<readonly [SentencePieceModel, number, string]>([
  [{ ...unigram, eosPiece: "<end>" }, 1, 'no control piece "<end>" ends a text'],
  [unigram, 140, "pad 140 must be an id in 0..139"],
  ...[
    [1, 2, 3], // no size
    [255, 255, 255, 255, 0, 0, 0, 0, 0], // a size beyond the file
    [3, 0, 0, 0, 0, 0, 0, 0, 0], // no whole units
    [4, 0, 0, 0, 0, 0, 0, 0, 1], // a text without its end
  ].map((charsmap) => {
    const model = { ...unigram, normalizer: { ...normalizer, charsmap: Uint8Array.from(charsmap) } };
    return [model, 1, `precompiled_charsmap: ${charsmap.length} bytes`] as const;
  }),
  [{ ...unigram, pieces: [...unigram.pieces, ...longPieces] }, 1, "bytes, at most 8388608 are allowed"],
])("a model that cannot tokenize is refused: case %#", (model, pad, message) => {
  expect(() => sentencePieceTokenizer(model, { cleaning: "none", pad })).toThrow(message);
});
