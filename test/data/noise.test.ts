/** Label noise: each kind spoils its share of the rows, as a pure function of seed, step and row. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NOISE_KINDS, type NoiseKind, newBatch, openPairs } from "../../src/data/index.ts";
import { byteTokenizer, END } from "../../src/tokenizers/index.ts";
import { seeds } from "../support/generators.ts";

const SPEC = { data: "shapes", tokenizer: byteTokenizer.toJSON(), length: 40, side: 8 } as const;
const clean = await openPairs(SPEC);
const noisy = (kind: NoiseKind, probability: number, views: 1 | 2 = 1) =>
  openPairs({ ...SPEC, views, noise: { kind, probability } });

const ROWS = 400;
type Rows = ReturnType<typeof clean.batch>;
const tokensOf = ({ tokens }: Rows, row: number): string => tokens.subarray(row * 40, (row + 1) * 40).join();
const imageOf = ({ images, items }: Rows, row: number): Float32Array => {
  const size = images.length / items.length;
  return images.subarray(row * size, (row + 1) * size);
};

/** The rows whose image, or whose text, is not that of the clean batch. */
function spoiled(batch: Rows, of: Rows): { images: number[]; texts: number[] } {
  const rows = [...of.items.keys()];
  return {
    images: rows.filter((row) => imageOf(batch, row).join() !== imageOf(of, row).join()),
    texts: rows.filter((row) => tokensOf(batch, row) !== tokensOf(of, row)),
  };
}

/** Five standard deviations of a binomial count around its mean. */
function expectShare(count: number, p: number): void {
  expect(Math.abs(count - p * ROWS)).toBeLessThanOrEqual(5 * Math.sqrt(ROWS * p * (1 - p)));
}

const SPOILS = {
  image: { images: true, texts: false, moves: false },
  text: { images: false, texts: true, moves: false },
  alignment: { images: false, texts: false, moves: true },
  "image-text": { images: true, texts: true, moves: false },
  all: { images: true, texts: true, moves: true },
} as const satisfies Record<NoiseKind, object>;

describe.each(NOISE_KINDS)("noise of kind %s", { timeout: 60_000 }, (kind) => {
  const { images, texts, moves } = SPOILS[kind];

  it.each([0.2, 0.7])("spoils its share, %f, of images and texts, and nothing else", async (p) => {
    const of = clean.batch(1, 3, ROWS);
    const batch = (await noisy(kind, p)).batch(1, 3, ROWS);
    const found = spoiled(batch, of);
    expectShare(found.images.length, images ? p : 0);
    // Of the rows that exchange texts, few get their own again; both together leave (1 − p)².
    expectShare(found.texts.length, texts && moves ? 1 - (1 - p) ** 2 : texts || moves ? p : 0);
    expect(batch.items).toEqual(of.items);
    if (images && texts) {
      const both = found.images.filter((row) => found.texts.includes(row)).length;
      expectShare(both, p * (found.texts.length / ROWS)); // each for itself
    }
  });

  it("does nothing with probability 0, and spoils every row with 1", async () => {
    const of = clean.batch(2, 5, 50);
    expect((await noisy(kind, 0)).batch(2, 5, 50)).toEqual(of);
    const found = spoiled((await noisy(kind, 1)).batch(2, 5, 50), of);
    expect(found.images.length).toBe(images ? 50 : 0);
    expect(found.texts.length).toBeGreaterThanOrEqual(texts ? 50 : moves ? 44 : 0);
  });

  it("gives each row alone the numbers that it has in the whole batch, in any order of steps", async () => {
    for (const views of [1, 2] as const) {
      const pairs = await noisy(kind, 0.5, views);
      const cases = fc.record({ seed: seeds, step: fc.nat({ max: 20 }), row: fc.nat({ max: 23 }) });
      fc.assert(
        fc.property(cases, ({ seed, step, row }) => {
          const whole = pairs.batch(seed, step, 24);
          pairs.batch(seed, step + 1, 24);
          const alone = pairs.batch(seed, step, 24, newBatch(1, pairs), row);
          expect(alone.images).toEqual(imageOf(whole, row));
          expect(alone.tokens.join()).toBe(tokensOf(whole, row));
        }),
        { numRuns: 30 },
      );
    }
  });

  it("differs from step to step", async () => {
    const pairs = await noisy(kind, 0.5);
    const rowsOf = (step: number) => spoiled(pairs.batch(1, step, 60), clean.batch(1, step, 60));
    expect(rowsOf(0)).not.toEqual(rowsOf(1));
  });
});

describe("noise", () => {
  it("of alignment is a permutation of the texts", async () => {
    const of = clean.batch(1, 3, 100);
    const batch = (await noisy("alignment", 0.6)).batch(1, 3, 100);
    const sorted = (rows: Rows) => Array.from(rows.items.keys(), (row) => tokensOf(rows, row)).sort();
    expect(sorted(batch)).toEqual(sorted(of));
  });

  it("of images is uniform over the range of model input, and another in each view", async () => {
    const { images, items } = (await noisy("image", 1, 2)).batch(1, 0, 20);
    const mean = images.reduce((sum, value) => sum + value, 0) / images.length;
    expect(Math.abs(mean - 1)).toBeLessThan(0.03); // five standard deviations of 7,680 numbers
    expect(images.every((value) => value >= 0 && value <= 2)).toBe(true);
    const size = images.length / items.length / 2;
    expect(images.subarray(0, size)).not.toEqual(images.subarray(size, 2 * size));
  });

  it("of texts is 1 to length − 1 tokens of the vocabulary and the end", async () => {
    const { tokens } = (await noisy("text", 1)).batch(1, 0, ROWS);
    const lengths = Array.from({ length: ROWS }, (_, row) => tokens.subarray(row * 40, (row + 1) * 40).indexOf(END));
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([1, 39]);
    expect(new Set(tokens).size).toBe(byteTokenizer.vocabSize);
    for (let row = 0; row < ROWS; row++) {
      expect(tokens.subarray(row * 40 + lengths[row], (row + 1) * 40).every((token) => token === END)).toBe(true);
    }
  });
});
