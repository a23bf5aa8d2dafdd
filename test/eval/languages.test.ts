import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EvaluationError, retrieval, retrievalByLanguage } from "../../src/eval/index.ts";

const LANGUAGES = ["de", "en", "th"];

/** 4 images and up to 12 texts with embeddings of width 3, in any order of languages. */
const problem = fc.integer({ min: 1, max: 12 }).chain((texts) => {
  const numbers = (count: number) =>
    fc.array(fc.integer({ min: -3, max: 3 }), { minLength: count, maxLength: count }).map((x) => Float32Array.from(x));
  return fc.record({
    zimg: numbers(4 * 3),
    ztxt: numbers(texts * 3),
    owner: fc.array(fc.nat(3), { minLength: texts, maxLength: texts }),
    language: fc.array(fc.constantFrom(...LANGUAGES), { minLength: texts, maxLength: texts }),
  });
});

describe("retrievalByLanguage", () => {
  it("is, for each language, retrieval with its texts alone, and the mean has equal weights", () => {
    fc.assert(
      fc.property(problem, ({ zimg, ztxt, owner, language }) => {
        const { languages, mean } = retrievalByLanguage(zimg, ztxt, owner, language, [1, 2]);
        expect(new Set(languages.keys())).toEqual(new Set(language));
        for (const [name, result] of languages) {
          const own = [...language.keys()].filter((j) => language[j] === name);
          const texts = Float32Array.from(own.flatMap((j) => [...ztxt.subarray(3 * j, 3 * j + 3)]));
          expect(result).toEqual(retrieval(zimg, texts, own.map((j) => owner[j]), [1, 2])); // biome-ignore format: a line
        }
        mean.forEach((row, i) => {
          const all = [...languages.values()].map(({ recall }) => recall[i]);
          const average = (of: "textToImage" | "imageToText") => all.reduce((sum, r) => sum + r[of], 0) / all.length;
          expect(row).toEqual({
            k: [1, 2][i],
            textToImage: average("textToImage"),
            imageToText: average("imageToText"),
          });
        });
      }),
    );
  });

  it("lets a language with one text count as much as one with three", () => {
    const zimg = Float32Array.of(1, 0, 0, 1);
    const ztxt = Float32Array.of(1, 0, 1, 0, 0, 1, 1, 0);
    // German: both of image 0 found, that of image 1 too. English: the text of image 1 resembles image 0.
    const { mean } = retrievalByLanguage(zimg, ztxt, [0, 0, 1, 1], ["de", "de", "de", "en"], [1]);
    expect(mean[0].textToImage).toBe(1 / 2);
    // English images: image 0 has no text and is missed; image 1 finds the only text.
    expect(mean[0].imageToText).toBe((1 + 1 / 2) / 2);
  });

  it("calls progress before each language", () => {
    const z = Float32Array.of(1, 0, 0, 1, 1, 1);
    let calls = 0;
    retrievalByLanguage(z, z, [0, 1, 2], ["en", "de", "en"], [1], () => calls++);
    expect(calls).toBe(2);
  });

  it("names what does not fit", () => {
    const z = Float32Array.of(1, 0, 0, 1);
    expect(() => retrievalByLanguage(z, z, [0, 1], ["en"])).toThrow(/1 languages for 2 texts/);
    expect(() => retrievalByLanguage(z, z, [0, 2], ["en", "de"])).toThrow(EvaluationError);
  });
});
