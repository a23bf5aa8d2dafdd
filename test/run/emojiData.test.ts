import { describe, expect, it } from "vitest";
import { EMOJI_STYLES, emojiList, pixelNeighbours } from "../../src/data/index.ts";
import { STORED_BYTES } from "../../src/data/storedPicture.ts";
import { resolveConfig } from "../../src/run/config.ts";
import { openTests, openTraining } from "../../src/run/dataSets.ts";
import { paintEmoji } from "../support/paintedEmoji.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

/** Drawings with a pattern of their own for each emoji, the same in every style; emojione lacks every third. */
async function patterns() {
  const count = (await emojiList()).length;
  const drawn = (lacksThirds: boolean): Uint8Array => {
    const bytes = new Uint8Array(new SharedArrayBuffer(count * STORED_BYTES));
    for (let item = 0; item < count; item++) {
      if (lacksThirds && item % 3 === 0) continue;
      const picture = bytes.subarray(item * STORED_BYTES, (item + 1) * STORED_BYTES);
      picture.fill(255);
      // A black square of 8 × 8 for each bit of the number.
      for (let bit = 0; bit < 11; bit++) {
        if (((item >> bit) & 1) === 0) continue;
        for (let y = 0; y < 8; y++) {
          const from = ((8 + 8 * Math.floor(bit / 4) + y) * 48 + 8 + 8 * (bit % 4)) * 4;
          for (let x = 0; x < 8; x++) picture.fill(0, from + 4 * x, from + 4 * x + 3);
        }
      }
    }
    return bytes;
  };
  const full = drawn(false);
  return new Map([...EMOJI_STYLES.map((style) => [style, full] as const), ["emojione", drawn(true)]]);
}

describe("openTests", () => {
  it("opens one style by default, and a second one with data.secondTestStyle", async () => {
    const rendered = await patterns();
    const names = async (...settings: string[]) =>
      (await openTests(resolveConfig("emoji-paper", settings), { rendered })).sets.map(({ name }) => name);
    expect(await names()).toEqual(["openmoji"]);
    expect(await names("data.secondTestStyle=emojione")).toEqual(["openmoji", "emojione"]);
    expect(await names("data.secondTestStyle=emojione", "data.name=emoji-unseen")).toEqual([
      ...EMOJI_STYLES,
      "emojione",
    ]);
  });

  it("tests only on emoji that the second style draws, against the same emoji in the training styles", async () => {
    const config = resolveConfig("emoji-paper", ["data.secondTestStyle=emojione"]);
    const [, { pictures, known }] = (await openTests(config, { rendered: await patterns() })).sets;
    const names = (await emojiList()).filter((_, item) => item % 3 !== 0).map(({ name }) => name);
    expect(pictures.names).toEqual(names);
    expect(known.map((set) => set.names)).toEqual([names, names, names]);
    const scores = pixelNeighbours(pictures, known);
    const wrong = names.filter((_, q) => {
      const row = scores.subarray(q * names.length, (q + 1) * names.length);
      return row.indexOf(row.reduce((a, b) => Math.max(a, b))) !== q;
    });
    expect(wrong).toEqual([]);
  });

  it("with held-out emoji, tests on those of them that the second style draws", async () => {
    const config = resolveConfig("emoji-unseen", ["data.secondTestStyle=emojione"]);
    const sets = (await openTests(config, { rendered: await patterns() })).sets;
    const [first, second] = [sets[0], sets[4]].map(({ pictures }) => pictures.names);
    expect(first).toHaveLength(160);
    const all = (await emojiList()).map(({ name }) => name);
    expect(second).toEqual(first.filter((name) => all.indexOf(name) % 3 !== 0));
  });

  it("tests the languages of training and those beside, one name of each picture in each", async () => {
    const opening = { rendered: await patterns() };
    const setOf = async (...settings: string[]) =>
      (await openTests(resolveConfig("emoji-paper", settings), opening)).sets[0];
    const english = await setOf();
    expect([english.pictures.texts.length, english.trainedLanguages]).toEqual([1594, ["en"]]);
    const several = await setOf("data.languages=ja,de", "data.testLanguages=en,de");
    expect(several.trainedLanguages).toEqual(["ja", "de"]);
    expect([...new Set(several.pictures.languages)]).toEqual(["ja", "de", "en"]);
    expect(several.pictures.texts.slice(2 * 1594)).toEqual(english.pictures.texts);
    expect(several.pictures.names).toEqual(english.pictures.names);
  });
});

describe("openTraining", () => {
  it("trains on the languages of training alone, and its tokenizer learns from no other", async () => {
    const cut = ["data.strokeProbability=0", "tokenizer.vocabSize=600"];
    const cache = temporaryFolder();
    await paintEmoji(cache, ["noto", "twemoji", "fluent", "openmoji"]);
    const opened = (...settings: string[]) =>
      openTraining(resolveConfig("emoji-paper", [...cut, ...settings]), { cache });
    const german = await opened("data.languages=de");
    const tested = await opened("data.languages=de", "data.testLanguages=all");
    expect(tested.tokenizer.toJSON()).toEqual(german.tokenizer.toJSON());
    expect(tested.texts).toEqual(german.texts);
    expect(german.texts).toContain("hundegesicht");
    expect(german.texts).not.toContain("dog face");
    const both = await opened("data.languages=de,en");
    expect(both.texts).toEqual([...german.texts, ...(await opened()).texts]);
    expect(both.tokenizer.toJSON()).not.toEqual(german.tokenizer.toJSON());
  });
});
