import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type OpenedIcons, openIcons } from "../../src/data/iconFiles.ts";
import { prepareIcons } from "../../src/data/iconPrepare.ts";
import { augmentations, iconPairs, iconPictures, iconsByName, newBatch } from "../../src/data/index.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";
import { installFakeIcons } from "../support/fakeIcons.ts";

const folder = mkdtempSync(join(tmpdir(), "siglip-icons-"));
afterAll(() => rmSync(folder, { recursive: true }));

let icons: OpenedIcons;
beforeAll(async () => {
  const packages = join(folder, "packages");
  await prepareIcons({ sources: installFakeIcons(packages), packages, folder });
  icons = await openIcons({ folder, uses: ["train", "test"] });
});

const SIDE = 16;
const EACH = SIDE * SIDE * 3;
const NAMES = ["apple", "banana", "cherry", "red apple", "date"];
const pairsOf = (views: 1 | 2 = 1) =>
  iconPairs(icons, { tokenizer: byteTokenizer, length: 16, side: SIDE, augmentation: augmentations.none, views });

/** The training drawings of a name as a batch shows them without augmentation. */
function drawingsOf(name: string): Float32Array[] {
  const drawings = iconsByName(icons, "train").get(name)!;
  const all = iconPictures(drawings, SIDE).pixels();
  return drawings.map((_, i) => all.slice(i * EACH, (i + 1) * EACH));
}

describe("iconPairs", () => {
  it("has each name of the training sets once, whatever number of sets draws it", () => {
    expect([...iconsByName(icons, "train").keys()]).toEqual(NAMES);
    expect(pairsOf().size).toBe(5);
  });

  it("holds no name twice in a batch, and shows each as one of its drawings, with its text", () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.nat(50), fc.integer({ min: 1, max: 5 }), (seed, step, batch) => {
        const { items, images, tokens } = pairsOf().batch(seed, step, batch);
        expect(new Set(items).size).toBe(batch);
        items.forEach((item, i) => {
          const name = NAMES[item];
          expect(tokens.slice(i * 16, (i + 1) * 16)).toEqual(byteTokenizer.encode(name, 16));
          expect(drawingsOf(name)).toContainEqual(images.slice(i * EACH, (i + 1) * EACH));
        });
      }),
      { numRuns: 30 },
    );
  });

  it("draws any rows of a batch alone as in the whole batch", () => {
    fc.assert(
      fc.property(
        fc.nat(99),
        fc.nat(9),
        fc.nat(4),
        fc.constantFrom(1 as const, 2 as const),
        (seed, step, row, views) => {
          const pairs = iconPairs(icons, { tokenizer: byteTokenizer, length: 16, side: SIDE, views });
          const whole = pairs.batch(seed, step, 5);
          const alone = pairs.batch(seed, step, 5, newBatch(1, pairs), row);
          expect(alone.items[0]).toBe(whole.items[row]);
          expect(alone.tokens).toEqual(whole.tokens.slice(row * 16, (row + 1) * 16));
          expect(alone.images).toEqual(whole.images.slice(row * views * EACH, (row + 1) * views * EACH));
        },
      ),
      { numRuns: 30 },
    );
  });

  it("shows the second view of another set where there is one, and the first as without it", () => {
    for (let seed = 0; seed < 20; seed++) {
      const one = pairsOf(1).batch(seed, 0, 5);
      const { items, images } = pairsOf(2).batch(seed, 0, 5);
      items.forEach((item, i) => {
        const [first, second] = [0, 1].map((view) => images.slice((2 * i + view) * EACH, (2 * i + view + 1) * EACH));
        expect(first).toEqual(one.images.slice(i * EACH, (i + 1) * EACH));
        const drawings = drawingsOf(NAMES[item]);
        expect(drawings).toContainEqual(second);
        if (drawings.length > 1) expect(second).not.toEqual(first);
        else expect(second).toEqual(first);
      });
    }
  });

  it("shows every drawing of a name in time", () => {
    const seen = new Set<string>();
    for (let step = 0; step < 40; step++) {
      const { items, images } = pairsOf().batch(0, step, 5);
      const i = items.indexOf(0);
      seen.add(String(images.slice(i * EACH, (i + 1) * EACH)));
    }
    expect(seen).toEqual(new Set(drawingsOf("apple").map(String)));
  });

  it("refuses a batch with more rows than names", () => {
    expect(() => pairsOf().batch(0, 0, 6)).toThrow(/6 rows cannot show 5 distinct items once each; choose 1..5/);
  });
});
