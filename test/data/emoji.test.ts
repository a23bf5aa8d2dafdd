import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDrawings } from "../../src/data/emoji.ts";
import { emojiJson, iconName } from "../../src/data/emojiList.ts";
import { renderEmoji } from "../../src/data/emojiRender.ts";
import {
  augmentations,
  drawnEmoji,
  EMOJI_STYLES,
  type Emoji,
  type EmojiData,
  type EmojiStyle,
  emojiImages,
  emojiList,
  emojiPairs,
  emojiPictures,
  emojiSplits,
  emojiTokenizer,
  newBatch,
  openPairs,
  type PairsSpec,
  pixelNeighbours,
  unseenEmoji,
} from "../../src/data/index.ts";
import { STORED_BYTES } from "../../src/data/storedPicture.ts";
import { byteTokenizer, tokenizerFromJSON, wordsOf } from "../../src/tokenizers/index.ts";

let all: readonly Emoji[];
/** Every 60th emoji, rendered in all styles, strokes included. */
let some: EmojiData;

beforeAll(async () => {
  all = await emojiList();
  const emoji = all.filter((_, i) => i % 60 === 7);
  const made = new Map<string, Uint8Array>();
  for (const style of EMOJI_STYLES) {
    for (const stroked of [false, true]) {
      made.set(`${style}${stroked}`, await renderEmoji(emoji, { style, stroked }, () => {}));
    }
  }
  made.set("emojionefalse", await renderEmoji(emoji, { style: "emojione", stroked: false }, () => {}));
  some = { emoji, names: new Map([["en", emoji]]), pictures: (style, stroked) => made.get(`${style}${stroked}`)! };
}, 60000);

const options = { tokenizer: byteTokenizer, length: 32, styles: emojiSplits.emoji.train as readonly EmojiStyle[] };

describe("emojiList", () => {
  it("joins 1,594 emoji drawn by all four sets, no two with the same name", () => {
    expect(all.length).toBe(1594);
    expect(new Set(all.map(({ name }) => name)).size).toBe(1594);
    expect(all[0]).toMatchObject({ code: "1f600", name: "grinning face" });
    expect(all[0].tags).toContain("happy");
  });

  it("joins across the variation selector, and leaves out skin tones and components", () => {
    expect(all.find(({ name }) => name === "red heart")).toMatchObject({ code: "2764", icon: { noto: "red-heart" } });
    expect(all.filter(({ code }) => /1f3f[b-f]|fe0f|^1f9b[0-3]$/.test(code))).toEqual([]);
  });
});

describe("emojione", () => {
  it("draws 1,038 of the emoji, which are found by noto's names", async () => {
    const { icons } = (await emojiJson("@iconify-json/emojione/icons.json")) as { icons: object };
    expect(all.filter((emoji) => Object.hasOwn(icons, iconName(emoji, "emojione"))).length).toBe(1038);
  });

  it("is blank where it has no drawing, and drawnEmoji leaves those emoji out", () => {
    const drawn = drawnEmoji(some, "emojione");
    const names = Array.from(drawn, (item) => some.emoji[item].name);
    expect(names).toEqual(expect.arrayContaining(["goat", "fountain", "keycap: 5"]));
    // Newer than the set.
    for (const name of ["bubble tea", "stethoscope", "brown square"]) expect(names).not.toContain(name);
    for (const style of EMOJI_STYLES) expect(drawnEmoji(some, style)).toEqual(Int32Array.from(some.emoji.keys()));
  });

  it("shows the emoji whose name it is joined by: pixels find more than half of them in other styles", () => {
    const drawn = drawnEmoji(some, "emojione");
    const galleries = emojiSplits.emoji.train.map((style) => emojiPictures(some, style, drawn));
    const scores = pixelNeighbours(emojiPictures(some, "emojione", drawn), galleries);
    const found = Array.from(drawn.keys()).filter((q) => {
      const row = scores.subarray(q * drawn.length, (q + 1) * drawn.length);
      return row.indexOf(Math.max(...row)) === q;
    });
    expect(found.length).toBeGreaterThan(drawn.length / 2);
  });
});

describe("emojiPairs", () => {
  it("is a pure function of (seed, step): the same bits in any order and from another instance", () => {
    const pairs = emojiPairs(some, options);
    const first = pairs.batch(1, 5, 8);
    pairs.batch(2, 77, 8);
    expect(pairs.batch(1, 5, 8)).toEqual(first);
    expect(emojiPairs(some, options).batch(1, 5, 8)).toEqual(first);
    expect(pairs.batch(2, 5, 8).images).not.toEqual(first.images);
    expect(pairs.batch(1, 6, 8).images).not.toEqual(first.images);
  });

  it("shows each emoji once in an epoch, in another order in the next", () => {
    const pairs = emojiPairs(some, options);
    const [size, steps] = [pairs.size, pairs.batchesPerEpoch(9)];
    expect([size, steps]).toEqual([27, 3]);
    const epoch = (from: number) => [0, 1, 2].flatMap((step) => [...pairs.batch(1, from + step, 9).items]);
    expect([...epoch(0)].sort((a, b) => a - b)).toEqual([...some.emoji.keys()]);
    expect([...epoch(3)].sort((a, b) => a - b)).toEqual([...some.emoji.keys()]);
    expect(epoch(3)).not.toEqual(epoch(0));
  });

  it("pairs each picture with the name of its item", () => {
    const { tokens, items } = emojiPairs(some, options).batch(1, 0, 20);
    items.forEach((item, row) => {
      expect(tokens.subarray(row * 32, row * 32 + 32)).toEqual(byteTokenizer.encode(some.emoji[item].name, 32));
    });
  });

  it("takes tags for a share of the rows", () => {
    const pairs = emojiPairs(some, { ...options, tags: 0.4 });
    let named = 0;
    for (let step = 0; step < 40; step++) {
      const { tokens, items } = pairs.batch(1, step, 27);
      items.forEach((item, row) => {
        const text = tokens.subarray(row * 32, row * 32 + 32).join();
        const { name, tags } = some.emoji[item];
        expect([name, ...tags].map((word) => byteTokenizer.encode(word, 32).join())).toContain(text);
        if (text === byteTokenizer.encode(name, 32).join()) named++;
      });
    }
    // 1,080 rows: 5 standard deviations of a share of 0.6 are 0.075; a few tags equal a name.
    expect(named / 1080).toBeGreaterThan(0.52);
    expect(named / 1080).toBeLessThan(0.7);
  });

  it.each([1, 2] as const)("gives part of a batch with the rows of the whole, with %i views", (views) => {
    const pairs = emojiPairs(some, { ...options, views });
    const whole = pairs.batch(1, 5, 8);
    const part = pairs.batch(1, 5, 8, newBatch(3, pairs), 4);
    const stride = whole.images.length / 8;
    expect(part.items).toEqual(whole.items.subarray(4, 7));
    expect(part.tokens).toEqual(whole.tokens.subarray(4 * pairs.length, 7 * pairs.length));
    expect(part.images).toEqual(whole.images.subarray(4 * stride, 7 * stride));
  });

  it("with two views, has the texts and first views of one view, and second views of the same items", () => {
    const [one, two] = ([1, 2] as const).map((views) =>
      emojiPairs(some, { ...options, tags: 0.5, views }).batch(1, 5, 8),
    );
    expect(two.imageShape).toEqual([16, 32, 32, 3]);
    expect([two.tokens, two.items]).toEqual([one.tokens, one.items]);
    const each = 32 * 32 * 3;
    const image = ({ images }: typeof one, i: number) => images.subarray(i * each, (i + 1) * each);
    for (let row = 0; row < 8; row++) {
      expect(image(two, 2 * row)).toEqual(image(one, row));
      expect(image(two, 2 * row + 1)).not.toEqual(image(one, row));
    }
  });

  it("with two views, shows an emoji in two styles drawn at random, or twice in the only one", () => {
    // The embedding of an image is its number: all emoji in the first style, then in the next.
    const stylesOf = (styles: typeof options.styles): string[] => {
      const numbers = Float32Array.from({ length: styles.length * some.emoji.length }, (_, image) => image);
      const pairs = emojiPairs(some, { ...options, styles, embeddings: numbers, views: 2 });
      const seen: string[] = [];
      for (let step = 0; step < 60; step++) {
        const { images, items } = pairs.batch(1, step, 20);
        items.forEach((item, row) => {
          const [a, b] = images.subarray(2 * row, 2 * row + 2);
          expect([a % some.emoji.length, b % some.emoji.length]).toEqual([item, item]);
          seen.push(`${(a - item) / some.emoji.length}${(b - item) / some.emoji.length}`);
        });
      }
      return seen;
    };
    const seen = stylesOf(options.styles);
    const pairs = ["01", "02", "10", "12", "20", "21"];
    expect(seen.filter((each) => !pairs.includes(each))).toEqual([]);
    // 1,200 rows: 5 standard deviations of a share of a sixth are 0.054.
    for (const pair of pairs) {
      expect(Math.abs(seen.filter((each) => each === pair).length / seen.length - 1 / 6)).toBeLessThan(0.054);
    }
    expect(new Set(stylesOf(["noto"]))).toEqual(new Set(["00"]));
  });

  it("writes the same batch into given arrays, whatever they hold", () => {
    const pairs = emojiPairs(some, options);
    const [want, used] = [pairs.batch(1, 5, 8), pairs.batch(2, 6, 8)];
    expect(pairs.batch(1, 5, 8, used)).toBe(used);
    expect(used).toEqual(want);
  });

  it("draws each style equally often, and strokes for 0.3 of the rows", () => {
    // A fake store marks style and stroke by the colour of a full square.
    const shade = (style: number, stroked: boolean) =>
      new Uint8Array(100 * 48 * 48 * 4)
        .fill(255)
        .map((_, i) => (i % 4 === 3 ? 255 : 20 + 60 * style + (stroked ? 30 : 0)));
    const styles: readonly EmojiStyle[] = EMOJI_STYLES;
    const store = styles.map((_, style) => [shade(style, false), shade(style, true)]);
    const fake: EmojiData = {
      emoji: all.slice(0, 100),
      names: new Map([["en", all]]),
      pictures: (style, stroked) => store[styles.indexOf(style)][stroked ? 1 : 0],
    };
    const still = { ...augmentations.light, brightness: 0, contrast: 0 };
    const pairs = emojiPairs(fake, { ...options, augmentation: still });
    const counts = new Array<number>(6).fill(0);
    for (let step = 0; step < 20; step++) {
      const { images: pixels } = pairs.batch(9, step, 100);
      for (let row = 0; row < 100; row++) {
        const grey = 255 * (1 - pixels[(row * 1024 + 16 * 32 + 16) * 3] / 2);
        counts[Math.round((grey - 20) / 30)]++;
      }
    }
    // 2,000 rows, 5 standard deviations of each share are at most 0.05.
    counts.forEach((count, i) => {
      expect(Math.abs(count / 2000 - (i % 2 === 0 ? 0.7 : 0.3) / 3)).toBeLessThan(0.05);
    });
  });

  it("trains only on the items it is given", () => {
    const items = Int32Array.of(3, 4, 9, 20);
    const pairs = emojiPairs(some, { ...options, items });
    expect(pairs.size).toBe(4);
    expect(pairs.batch(1, 0, 4).items.toSorted()).toEqual(items);
  });

  it("with embeddings, holds that of the image that it would show, and the same texts", () => {
    const plain = { ...options, augmentation: augmentations.none, stroke: 0, tags: 0.5 };
    for (const items of [Int32Array.from(some.emoji.keys()), Int32Array.of(3, 20, 1, 7)]) {
      const images = emojiImages(some, { ...plain, items });
      const numbers = Float32Array.from({ length: images.count }, (_, image) => image);
      const [shown, embedded] = [
        emojiPairs(some, { ...plain, items }),
        emojiPairs(some, { ...plain, items, embeddings: numbers }), // of width 1: the number of the image
      ].map((pairs) => Array.from({ length: 12 }, (_, step) => pairs.batch(1, step, 4)));
      const seen = new Set<number>();
      for (const [step, { imageShape, images: rows, tokens, items: shownItems }] of embedded.entries()) {
        expect(imageShape).toEqual([4, 1]);
        expect({ tokens, shownItems }).toEqual({ tokens: shown[step].tokens, shownItems: shown[step].items });
        const pixels = [...rows].map((image) => images.pixels(image, image + 1));
        expect(Float32Array.of(...pixels.flatMap((row) => [...row]))).toEqual(shown[step].images);
        for (const image of rows) seen.add(Math.floor((image * plain.styles.length) / images.count));
      }
      expect(seen.size).toBe(plain.styles.length);
    }
  });

  it("gives pixels in [0, 2], white corners included", () => {
    for (const augmentation of Object.values(augmentations)) {
      const { images: pixels } = emojiPairs(some, { ...options, augmentation }).batch(1, 2, 27);
      expect(pixels.every((value) => value >= 0 && value <= 2 + 2 ** -20)).toBe(true); // four weights, rounded, make up one
      const white = pixels.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
      expect(white / pixels.length).toBeGreaterThan(0.25);
    }
  });
});

describe("emojiPictures", () => {
  it("fills 0.88 of the side in every style: drawings are trimmed", () => {
    for (const style of EMOJI_STYLES) {
      const { pixels: draw, count } = emojiPictures(some, style);
      const pixels = draw();
      for (let i = 0; i < count; i++) {
        let [low, high] = [32, -1];
        for (let at = 0; at < 1024; at++) {
          if (Math.max(...pixels.subarray((i * 1024 + at) * 3, (i * 1024 + at) * 3 + 3)) < 0.15) continue;
          for (const place of [at % 32, at >> 5]) [low, high] = [Math.min(low, place), Math.max(high, place)];
        }
        // The longer side is 28.2 pixels, up to two less where a tip is faint.
        expect(high - low + 1, `${style} ${some.emoji[i].name}`).toBeGreaterThanOrEqual(25);
        expect(high - low + 1, `${style} ${some.emoji[i].name}`).toBeLessThanOrEqual(31);
      }
    }
  });

  it("draws the same pictures one by one as all at once", () => {
    const { pixels, count } = emojiPictures(some, "noto", Int32Array.of(3, 1, 20), 16);
    const one = Array.from({ length: count }, (_, i) => [...pixels(i, i + 1)]);
    expect(one.flat()).toEqual([...pixels()]);
    expect(one[0]).not.toEqual(one[1]);
  });

  it("finds more than half of 27 emoji in openmoji by their pixels alone", () => {
    const galleries = emojiSplits.emoji.train.map((style) => emojiPictures(some, style));
    const scores = pixelNeighbours(emojiPictures(some, "openmoji"), galleries);
    const found = some.emoji.filter((_, q) => {
      const row = scores.subarray(q * 27, q * 27 + 27);
      return row.indexOf(Math.max(...row)) === q;
    });
    expect(found.length).toBeGreaterThan(13);
  });
});

describe("unseenEmoji", () => {
  it("holds out 160 emoji whose words all occur in the remaining names", () => {
    const { train, unseen } = unseenEmoji(all);
    expect([train.length, unseen.length]).toEqual([1434, 160]);
    const wordsOf = (i: number) => all[i].name.match(/[\p{L}\p{N}]+/gu) ?? [];
    const known = new Set([...train].flatMap(wordsOf));
    expect([...unseen].flatMap(wordsOf).filter((word) => !known.has(word))).toEqual([]);
    expect(unseenEmoji(all)).toEqual({ train, unseen });
  });
});

describe("emojiTokenizer", () => {
  it("encodes all but 30 names in nine ids, with a vocabulary of 1,024", () => {
    const tokenizer = emojiTokenizer(all);
    expect(tokenizer.vocabSize).toBe(1024);
    const long = all.filter(({ name }) => tokenizer.encode(name, 64)[9] !== 0);
    expect(long.length).toBe(30);
  });
});

describe("names and tags of emoji", () => {
  it("have the same tokens in both versions of the tokenizers, so older models know the same names", () => {
    const texts = all.flatMap(({ name, tags }) => [name, ...tags]);
    for (const tokenizer of [emojiTokenizer(all), byteTokenizer]) {
      const old = tokenizerFromJSON({ ...tokenizer.toJSON(), version: 1 });
      expect(texts.filter((text) => `${old.encode(text, 64)}` !== `${tokenizer.encode(text, 64)}`)).toEqual([]);
    }
    // The merges are learned from words, which are the same in both.
    expect(texts.filter((text) => `${wordsOf(text, 1)}` !== `${wordsOf(text, 2)}`)).toEqual([]);
  });
});

describe("openDrawings", () => {
  const cache = mkdtempSync(join(tmpdir(), "emoji-"));
  afterAll(() => rmSync(cache, { recursive: true }));

  it("renders once: the second opening reads the cache", async () => {
    let calls: [number, number][] = [];
    const progress = (done: number, total: number) => calls.push([done, total]);
    const open = () => openDrawings(some.emoji, { plain: ["fluent"], cache, progress });
    const first = (await open()).pictures("fluent", false);
    expect(calls.length).toBe(27);
    expect(calls.at(-1)).toEqual([27, 27]);
    calls = [];
    expect(Buffer.compare((await open()).pictures("fluent", false), first)).toBe(0);
    expect(calls).toEqual([]);
    expect(readdirSync(cache)).toEqual(["fluent.bin"]);
    await expect(open().then((data) => data.pictures("noto", true))).rejects.toThrow("noto-stroked was not opened");
  });

  it("keeps pictures in memory if the cache cannot be written, warns once, and passes them to threads", async () => {
    const file = join(cache, "a file");
    writeFileSync(file, "");
    const warnings: string[] = [];
    const warn = (message: string) => warnings.push(message);
    const styles = { plain: ["fluent", "noto"], stroked: ["noto"] } as const;
    const data = await openDrawings(some.emoji, { ...styles, cache: join(file, "cache"), warn });
    expect(warnings).toEqual([
      expect.stringMatching(/^rendered pictures cannot be cached in .*a file.cache \(ENOTDIR\)/),
    ]);
    expect(Buffer.compare(data.pictures("noto", true), some.pictures("noto", true))).toBe(0);
    // A thread that gets them neither renders, reads nor copies.
    const progress = () => expect.unreachable();
    const rendered = structuredClone(data.rendered);
    const again = await openDrawings(some.emoji, { ...styles, rendered, progress });
    expect(Buffer.compare(again.pictures("noto", true), some.pictures("noto", true))).toBe(0);
    expect(again.pictures("noto", true).buffer).toBeInstanceOf(SharedArrayBuffer);
    rmSync(file);
  });

  it("stores an untrimmed drawing whole, under another name", async () => {
    const emoji = some.emoji.slice(0, 2);
    const [cut, whole] = await Promise.all(
      [true, false].map(async (trim) => {
        const data = await openDrawings(emoji, { plain: ["noto"], trim, cache });
        return data.pictures("noto", false).filter((alpha, i) => i % 4 === 3 && alpha > 24).length;
      }),
    );
    expect(whole).toBeLessThan(cut);
    expect(readdirSync(cache).sort()).toEqual(["fluent.bin", "noto-whole.bin", "noto.bin"]);
  });
});

describe("openPairs", () => {
  it("gives the batches of emojiPairs from a specification that was sent to another thread", async () => {
    const pictures = Uint8Array.from({ length: all.length * STORED_BYTES }, (_, i) => (i * i) % 256);
    const fluent = { ...options, styles: ["fluent"] as const, stroke: 0 };
    const spec: PairsSpec = {
      ...fluent,
      data: "emoji",
      tokenizer: byteTokenizer.toJSON(),
      rendered: new Map([["fluent", pictures]]),
    };
    const pairs = await openPairs(structuredClone(spec));
    const direct = emojiPairs({ emoji: all, names: new Map([["en", all]]), pictures: () => pictures }, fluent);
    expect(pairs.batch(3, 5, 8)).toEqual(direct.batch(3, 5, 8));
  });
});
