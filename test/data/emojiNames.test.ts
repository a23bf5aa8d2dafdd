import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  DataError,
  EMOJI_LANGUAGES,
  EMOJIBASE_LANGUAGES,
  emojiList,
  emojiNames,
  emojiTokenizer,
  MissingPackageError,
} from "../../src/data/index.ts";
import { unknownWords } from "../../src/tokenizers/index.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const all = await emojiList();
const named = (name: string): number => all.findIndex((emoji) => emoji.name === name);

/** A cache folder with the CLDR packages as far as a few emoji in Turkish and Swahili need them. */
function cldr(version = "48.2.0"): string {
  const cache = temporaryFolder();
  const write = (path: string, content: object): void => {
    const file = join(cache, "cldr", "node_modules", path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(content));
  };
  const annotations = {
    tr: {
      "✨": { tts: ["Işıltılar"], default: ["ışıltılar", "yıldız"] },
      "❤": { tts: ["Kırmızı Kalp"] },
      "©": { default: ["telif"] },
    },
    sw: { "✨": { tts: ["vimetameta"], default: ["nyota"] } },
  };
  const derived = { tr: { "👩‍🚀": { tts: ["Kadın Astronot"], default: ["uzay"] } }, sw: {} };
  for (const language of ["tr", "sw"] as const) {
    write(`cldr-annotations-full/annotations/${language}/annotations.json`, {
      annotations: { annotations: annotations[language] },
    });
    write(`cldr-annotations-derived-full/annotationsDerived/${language}/annotations.json`, {
      annotationsDerived: { annotations: derived[language] },
    });
  }
  for (const name of ["cldr-annotations-full", "cldr-annotations-derived-full"])
    write(`${name}/package.json`, { version });
  return cache;
}

describe("emojiNames", () => {
  it("names every emoji in all 28 languages of emojibase, and no two alike but the lion and the scorpion of Vietnamese", async () => {
    const names = await emojiNames(all, EMOJIBASE_LANGUAGES);
    expect([...names.keys()]).toEqual(EMOJIBASE_LANGUAGES);
    expect(names.size).toBe(28);
    for (const [language, emoji] of names) {
      expect(emoji.length).toBe(all.length);
      expect(emoji.filter(({ name }) => name.trim() === "")).toEqual([]);
      expect(new Set(emoji.map(({ name }) => name)).size).toBe(language === "vi" ? all.length - 2 : all.length);
    }
    const dog = named("dog face");
    expect(["en", "de", "ja", "zh", "ru"].map((language) => names.get(language)![dog].name)).toEqual([
      "dog face",
      "hundegesicht",
      "イヌの顔",
      "狗脸",
      "морда собаки",
    ]);
    expect(names.get("en")).toBe(all);
  });

  it("reads names, keywords and sequences of CLDR, in lower case by the rules of the language", async () => {
    const names = await emojiNames(all, ["tr", "sw"], cldr());
    const of = (language: string, name: string) => names.get(language)![named(name)];
    expect(of("tr", "sparkles")).toEqual({ name: "ışıltılar", tags: ["ışıltılar", "yıldız"] });
    expect(of("tr", "red heart").name).toBe("kırmızı kalp"); // with and without the variation selector
    expect(of("tr", "woman astronaut")).toEqual({ name: "kadın astronot", tags: ["uzay"] });
    expect(of("sw", "sparkles").name).toBe("vimetameta");
  });

  it("uses the English name where a language has none", async () => {
    const names = await emojiNames(all, ["tr"], cldr());
    expect(names.get("tr")![named("dog face")].name).toBe("dog face");
    expect(names.get("tr")![named("copyright")].name).toBe("copyright"); // keywords alone are no name
  });

  it("says what to run if CLDR is not installed, or in another version", async () => {
    const folder = temporaryFolder();
    const missing = (cache?: string) => emojiNames(all, ["sw"], cache);
    await expect(missing(folder)).rejects.toThrow(MissingPackageError);
    await expect(missing(folder)).rejects.toThrow(
      /language sw .* not installed; run: npm run data:cldr, or npm install .*@48\.2\.0/,
    );
    await expect(missing(cldr("47.0.0"))).rejects.toThrow(
      /47\.0\.0 is installed and 48\.2\.0 is needed; run: npm run data:cldr/,
    );
    await expect(missing()).rejects.toThrow(/there is none; run: npm run data:cldr with SIGLIP_CACHE/);
  });

  it("rejects a language that no package has", async () => {
    await expect(emojiNames(all, ["en", "xx"])).rejects.toThrow(DataError);
  });

  it("lists no language twice", () => {
    expect(new Set(EMOJI_LANGUAGES).size).toBe(EMOJI_LANGUAGES.length);
    expect(EMOJI_LANGUAGES.length).toBe(99);
  });
});

describe("a tokenizer learned from names in several scripts", () => {
  it("knows their words, with and without spaces, and takes far fewer tokens than bytes", async () => {
    const languages = ["zh", "th", "hi"];
    const names = await emojiNames(all, languages);
    const tokenizer = emojiTokenizer([...names.values()].flat(), 2048);
    for (const language of languages) {
      const texts = names.get(language)!.map(({ name }) => name);
      expect(texts.filter((text) => unknownWords(tokenizer, text).length > 0).length).toBeLessThan(16);
      const tokens = texts.map((text) => tokenizer.encode(text, 128).indexOf(0));
      const bytes = texts.map((text) => new TextEncoder().encode(text).length);
      const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);
      expect(sum(bytes) / sum(tokens)).toBeGreaterThan(1.5);
    }
  });
});
