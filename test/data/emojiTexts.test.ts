import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  DataError,
  type Emoji,
  type EmojiData,
  emojiList,
  emojiNames,
  emojiPairs,
  emojiPictures,
  newBatch,
} from "../../src/data/index.ts";
import { STORED_BYTES } from "../../src/data/storedPicture.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";

const LANGUAGES = ["en", "de", "ja"];
const emoji: readonly Emoji[] = (await emojiList()).slice(0, 40);
const names = await emojiNames(emoji, LANGUAGES);
const shades = { noto: 90, twemoji: 180 } as Record<string, number>;
const data: EmojiData = {
  emoji,
  names,
  pictures: (style, stroked) => new Uint8Array(emoji.length * STORED_BYTES).fill(shades[style] + (stroked ? 9 : 0)),
};
const length = 48;
const options = { tokenizer: byteTokenizer, length, styles: ["noto", "twemoji"], side: 8 } as const;
const step = { seed: fc.nat(1000), step: fc.nat(1000) };

/** The language of each row of a batch, as an index. */
function languagesOf(tokens: Int32Array, items: Int32Array): number[] {
  const rows = Array.from(items, (item, i) => [item, `${tokens.subarray(i * length, (i + 1) * length)}`] as const);
  return rows.map(([item, row]) =>
    LANGUAGES.findIndex((language) => `${byteTokenizer.encode(names.get(language)![item].name, length)}` === row),
  );
}

describe("emojiPairs in several languages", () => {
  const several = emojiPairs(data, { ...options, languages: LANGUAGES });

  it("gives every row the name of its emoji in one of them, each equally often", () => {
    const counts = [0, 0, 0];
    for (let index = 0; index < 60; index++) {
      const { tokens, items } = several.batch(0, index, 40);
      for (const language of languagesOf(tokens, items)) counts[language]++;
    }
    expect(counts.reduce((a, b) => a + b)).toBe(2400); // all rows
    for (const count of counts) expect(Math.abs(count - 800)).toBeLessThan(5 * Math.sqrt(2400 * (1 / 3) * (2 / 3))); // 5 standard deviations
  });

  it("draws the language of a row from seed, step and row alone", () => {
    fc.assert(
      fc.property(fc.record({ ...step, first: fc.nat(9) }), ({ seed, step, first }) => {
        const whole = several.batch(seed, step, 10);
        const one = several.batch(seed, step, 10, newBatch(1, several), first);
        expect([...one.tokens]).toEqual([...whole.tokens.subarray(first * length, (first + 1) * length)]);
      }),
    );
  });

  it("shows the images that it shows in one language", () => {
    fc.assert(
      fc.property(fc.record(step), ({ seed, step }) => {
        const english = emojiPairs(data, options).batch(seed, step, 8);
        const { images, items } = several.batch(seed, step, 8);
        expect([images, items]).toEqual([english.images, english.items]);
      }),
      { numRuns: 20 },
    );
  });

  it("takes keywords of the language that it draws", () => {
    const german = emojiPairs(data, { ...options, languages: ["de"], tags: 1 });
    const { tokens, items } = german.batch(0, 0, 20);
    items.forEach((item, i) => {
      const rows = names.get("de")![item].tags.map((tag) => `${byteTokenizer.encode(tag, length)}`);
      expect(rows).toContain(`${tokens.subarray(i * length, (i + 1) * length)}`);
    });
  });

  it("rejects a language that was not opened", () => {
    expect(() => emojiPairs(data, { ...options, languages: ["fr"] })).toThrow(DataError);
    expect(() => emojiPairs(data, { ...options, languages: ["fr"] })).toThrow(/names in fr were not opened/);
  });
});

it("emojiPictures gives each picture one name in each language", () => {
  const items = Int32Array.of(3, 5);
  const { count, texts, owner, languages, names: shown } = emojiPictures(data, "noto", items, 8, ["de", "en"]);
  expect(count).toBe(2);
  expect(texts).toEqual(["de", "en"].flatMap((language) => [3, 5].map((item) => names.get(language)![item].name)));
  expect([...owner]).toEqual([0, 1, 0, 1]);
  expect(languages).toEqual(["de", "de", "en", "en"]);
  expect(shown).toEqual([emoji[3].name, emoji[5].name]);
});
