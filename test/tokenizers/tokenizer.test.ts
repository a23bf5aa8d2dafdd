import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  byteTokenizer,
  END,
  encodeAll,
  isCut,
  type TokenizerFile,
  tokenizerFromJSON,
  trainBpe,
  unknownWords,
  wordsOf,
} from "../../src/tokenizers/index.ts";

const corpus = ["grinning face", "face with tears of joy", "cat face", "man: red hair", "woman: red hair", "o’clock"];
const bpe = trainBpe(corpus, 300);
const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.lorem(), fc.constantFrom(...corpus));
const contentOf = (tokens: Int32Array): number[] => {
  const end = tokens.indexOf(END);
  return [...tokens.subarray(0, end)];
};

describe.each([
  ["the byte tokenizer", byteTokenizer],
  ["a trained byte-pair tokenizer", bpe],
])("%s", (_, tokenizer) => {
  it("gives exactly length ids below vocabSize, the end always last", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 80 }), (value, length) => {
        const tokens = tokenizer.encode(value, length);
        expect(tokens.length).toBe(length);
        expect(tokens[length - 1]).toBe(END);
        expect(tokens.every((id) => id >= 0 && id < tokenizer.vocabSize)).toBe(true);
      }),
    );
  });

  it("has only ends after the first end", () => {
    fc.assert(
      fc.property(text, (value) => {
        const tokens = tokenizer.encode(value, 40);
        expect(tokens.subarray(tokens.indexOf(END)).every((id) => id === END)).toBe(true);
      }),
    );
  });

  it("cuts a long text to its beginning", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 20 }), (value, length) => {
        const long = tokenizer.encode(value, 400);
        expect(tokenizer.encode(value, length).subarray(0, length - 1)).toEqual(long.subarray(0, length - 1));
      }),
    );
  });

  it("reads capitals, white space and typographic quotes as plain ones", () => {
    expect(tokenizer.encode("  O’Clock \n FACE ", 20)).toEqual(tokenizer.encode("o'clock face", 20));
    expect(contentOf(tokenizer.encode(" \t\n", 8))).toEqual([]);
  });

  it("gives different texts different ids", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        // Compared as UTF-8, in which all lone surrogates are one character.
        const plain = (value: string) => new TextEncoder().encode(wordsOf(value).join(" ")).join();
        fc.pre(plain(a) !== plain(b));
        expect(tokenizer.encode(a, 4000)).not.toEqual(tokenizer.encode(b, 4000));
      }),
    );
  });

  it("gives texts that look alike the same ids in any encoding", () => {
    fc.assert(
      fc.property(fc.oneof(text, fc.string({ unit: "grapheme" })), (value) => {
        const ids = tokenizer.encode(value, 200);
        for (const form of ["NFC", "NFD", "NFKC", "NFKD"] as const) {
          expect(tokenizer.encode(value.normalize(form), 200)).toEqual(ids);
        }
      }),
    );
    for (const [a, b] of [
      ["pi\u00f1ata", "pin\u0303ata"],
      ["\ufb01sh", "fish"],
      ["\uff21\uff22\uff43 \u2460", "abc 1"],
      ["\u212b", "\u00e5"],
    ]) {
      expect(tokenizer.encode(a, 20), a).toEqual(tokenizer.encode(b, 20));
    }
  });

  it("of version 1 does not normalize, and stays version 1 through its JSON", () => {
    const old = tokenizerFromJSON({ ...tokenizer.toJSON(), version: 1 });
    expect(old.toJSON()).toEqual({ ...tokenizer.toJSON(), version: 1 });
    expect(old.encode("pin\u0303ata", 20)).not.toEqual(old.encode("pi\u00f1ata", 20));
    fc.assert(
      fc.property(text, (value) => {
        // Texts that normalization does not change have the same ids in both versions.
        expect(old.encode(value.normalize("NFKC"), 200)).toEqual(tokenizer.encode(value, 200));
      }),
    );
  });

  it("reports a text as cut exactly if it has more ids than fit before the end", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 30 }), (value, length) => {
        expect(isCut(tokenizer, value, length)).toBe(contentOf(tokenizer.encode(value, 4000)).length > length - 1);
      }),
    );
  });

  it("has the same ids after a round trip through its JSON", () => {
    const again = tokenizerFromJSON(JSON.parse(JSON.stringify(tokenizer)));
    expect(again.vocabSize).toBe(tokenizer.vocabSize);
    fc.assert(
      fc.property(text, (value) => {
        expect(again.encode(value, 50)).toEqual(tokenizer.encode(value, 50));
      }),
    );
  });

  it("refuses a length that holds no text", () => {
    for (const length of [0, -1, 1.5, Number.NaN, 1e9]) {
      expect(() => tokenizer.encode("a", length)).toThrow(`encode: length ${length}`);
    }
  });
});

describe("trainBpe", () => {
  it("encodes words separately: the ids of two texts joined by a space are those of each", () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const [left, right] = [bpe.encode(a, 2000), bpe.encode(b, 2000)].map(contentOf);
        expect(contentOf(bpe.encode(`${a} ${b}`, 4000))).toEqual([...left, ...right]);
      }),
    );
  });

  it("merges the most frequent pair first, the lower ids among equals", () => {
    // "_ab" twice and "_ac" once, with _ for the space: the pair (_, a) occurs three times, then (_a, b) twice.
    expect(trainBpe(["ab ab ac"], 259).toJSON()).toEqual({
      kind: "bpe",
      version: 2,
      merges: [
        [0x21, 0x62],
        [257, 0x63],
      ],
    });
    expect(trainBpe(["xy zw xy zw"], 258).toJSON()).toMatchObject({ merges: [[0x21, 0x79]] });
  });

  it("stops when no pair occurs twice", () => {
    expect(trainBpe(["abc"], 300).vocabSize).toBe(257);
  });

  it("does not depend on the order of the texts", () => {
    expect(trainBpe([...corpus].reverse(), 300).toJSON()).toEqual(bpe.toJSON());
  });

  it("keeps punctuation out of the word before it", () => {
    expect(contentOf(bpe.encode("man: red", 20))).toEqual([
      ...contentOf(bpe.encode("man", 20)),
      ":".charCodeAt(0) + 1,
      ...contentOf(bpe.encode("red", 20)),
    ]);
  });

  it("refuses a vocabulary that is too small for the bytes", () => {
    expect(() => trainBpe(corpus, 256)).toThrow("must be an integer in 257..65536");
  });
});

describe("unknownWords", () => {
  const learned = trainBpe(["crêpe crêpe", "cat face", "cat"], 280);

  it("names words of a script that the tokenizer has not seen, and no others", () => {
    expect(unknownWords(learned, "кошка cat 猫 zq crêpes")).toEqual(["кошка", "猫"]);
    expect(unknownWords(learned, "")).toEqual([]);
  });

  it("is empty for a byte tokenizer", () => {
    expect(unknownWords(byteTokenizer, "кошка")).toEqual([]);
  });
});

describe("tokenizerFromJSON", () => {
  it("gives version 1 exactly the ids that it had", () => {
    const bytes: TokenizerFile = { kind: "bytes", version: 1 };
    expect([...tokenizerFromJSON(bytes).encode("n\u0303 \uff21", 10)]).toEqual([
      111, 205, 132, 33, 240, 190, 130, 0, 0, 0,
    ]);
    const pairs: TokenizerFile = { kind: "bpe", version: 1, merges: [[33, 111]] };
    expect([...tokenizerFromJSON(pairs).encode("n\u0303", 6)]).toEqual([257, 205, 132, 0, 0, 0]);
  });

  const file = (merges: unknown) => ({ kind: "bpe", version: 1, merges });
  it.each([
    [null, "expected an object"],
    [[], "found an array of 0"],
    [
      { kind: "unigram", version: 1 },
      '"kind" must be "bytes", "bpe", "sentencepiece" or "huggingface", found "unigram"',
    ],
    [{ kind: "bytes", version: 3 }, '"version" must be 1 or 2, found 3'],
    [{ kind: "bytes", version: 1, merges: [] }, 'unknown key "merges"'],
    [JSON.parse('{"kind":"bpe","version":1,"merges":[],"__proto__":1}'), 'unknown key "__proto__"'],
    [{ kind: "bpe", version: 1 }, '"merges" must be an array of pairs of ids, found undefined'],
    [file([[1]]), "merges[0] must be two ids, found an array of 1"],
    [file([["1", 2]]), "merges[0] may use ids 1..256"],
    [file([[0, 2]]), "merges[0] may use ids 1..256"],
    [file([[1, 257]]), "which exist before it, found 1 and 257"],
    [file([[1.5, 2]]), "merges[0] may use"],
    [
      file([
        [1, 2],
        [1, 2],
      ]),
      "merges[1] repeats the pair 1, 2",
    ],
    [file(new Array(70000).fill([1, 2])), "has 70000 pairs"],
  ])("refuses what is not exactly a tokenizer: case %#", (bad, message) => {
    expect(() => tokenizerFromJSON(bad)).toThrow(message);
    expect(() => tokenizerFromJSON(bad)).toThrow(expect.objectContaining({ name: "TokenizerError" }));
  });
});

describe("encodeAll", () => {
  it("gives one row per text", () => {
    expect(encodeAll(byteTokenizer, ["a", "bc"], 3)).toEqual(Int32Array.of(98, 0, 0, 99, 100, 0));
  });
});
