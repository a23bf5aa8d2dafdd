import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pixelNeighbours, prepareIcons } from "../../src/data/index.ts";
import { ConfigError, resolveConfig } from "../../src/run/config.ts";
import { openClasses, openProbe, openTests, openTraining, openVocabulary } from "../../src/run/dataSets.ts";
import { iconsFolder } from "../../src/run/iconsData.ts";
import { onContents } from "../../src/run/resume.ts";
import { FAKE_SETS, installFakeIcons } from "../support/fakeIcons.ts";

const cache = mkdtempSync(join(tmpdir(), "siglip-icons-"));
afterAll(() => rmSync(cache, { recursive: true }));

beforeAll(async () => {
  const packages = join(cache, "packages");
  const sources = installFakeIcons(packages);
  await prepareIcons({ sources, packages, folder: iconsFolder(cache)! });
});

const config = (...settings: string[]) => resolveConfig("icons", ["train.batch=4", ...settings]);

describe("the data set icons", () => {
  it("tests on each icon set to test on: all of its names, those that training saw, and those it never saw", async () => {
    const { sets } = await openTests(config(), { cache });
    expect(sets.map(({ name, pictures }) => [name, ...pictures.names])).toEqual([
      ["fourth", "apple", "cherry", "pear", "red pear"],
      ["fourth-known", "apple", "cherry"],
      ["fourth-new", "pear", "red pear"],
    ]);
    expect(sets[0].pictures.owner).toEqual(Int32Array.of(0, 1, 2, 3));
  });

  it("tests on the validation set if asked to, without a set of names never seen where all are known", async () => {
    const { sets } = await openTests(config("data.split=validation"), { cache });
    expect(sets.map(({ name }) => name)).toEqual(["third", "third-known"]);
  });

  it("compares known names with all of their training drawings, for the pixel baseline", async () => {
    const { sets } = await openTests(config(), { cache });
    const { known, pictures } = sets[1];
    expect(known.map(({ names }) => names)).toEqual([
      ["apple", "cherry"],
      ["apple", "cherry"],
    ]);
    // The two galleries of "apple" are the drawings of two sets; "cherry" has one, twice.
    const [first, second] = known.map(({ pixels }) => pixels());
    const each = first.length / 2;
    expect(first.slice(0, each)).not.toEqual(second.slice(0, each));
    expect(first.slice(each)).toEqual(second.slice(each));
    expect(pixelNeighbours(pictures, known)).toHaveLength(4);
  });

  it("knows its names without reading a picture, and trains on as many", async () => {
    const { items, tokenizer } = await openVocabulary(config(), { cache });
    const training = await openTraining(config(), { cache });
    expect([items, training.items]).toEqual([5, 5]);
    expect(training.tokenizer.toJSON()).toEqual(tokenizer.toJSON());
    expect(training.texts).toEqual(["apple", "banana", "cherry", "red apple", "date"]);
  });

  it("is refused by a resumed run if a drawing has changed since, and not if only a set to test on has", async () => {
    const changed = mkdtempSync(join(tmpdir(), "siglip-icons-"));
    const contentsWith = async (redrawn: string): Promise<string | undefined> => {
      const packages = join(changed, redrawn, "packages");
      const sets = FAKE_SETS.map((set) =>
        set.name === redrawn ? { ...set, icons: { ...set.icons, apple: { body: '<path d="M1 1h9v14h-9z"/>' } } } : set,
      );
      const sources = installFakeIcons(packages, sets);
      await prepareIcons({ sources, packages, folder: iconsFolder(join(changed, redrawn))! });
      return (await openTraining(config(), { cache: join(changed, redrawn) })).contents;
    };
    const { contents } = await openTraining(config(), { cache });
    const begun = onContents(config(), contents);
    expect(onContents(begun, await contentsWith("fourth"))).toBe(begun);
    const other = await contentsWith("first");
    expect(() => onContents(begun, other)).toThrow(/data.name icons: its images, captions or splits have changed/);
    rmSync(changed, { recursive: true });
  });

  it("refuses a batch larger than its names, and drawings that are not cropped", async () => {
    await expect(openTraining(config("train.batch=6"), { cache })).rejects.toThrow(
      "train.batch = 6 is more than the 5 items of icons",
    );
    expect(() => config("data.trim=never")).toThrow(ConfigError);
  });

  it("probes the first word of a name", async () => {
    const { classes, train, test } = (await openProbe(config(), { cache }))!;
    expect(classes).toEqual(["apple", "cherry", "pear", "red"]);
    expect(train[0].pictures.names).toEqual(["apple", "cherry", "red apple", "apple"]);
    expect([...train[0].labels]).toEqual([0, 1, 3, 0]);
    expect([...test.labels]).toEqual([0, 1, 2, 3]);
    const { names, ofItem } = await openClasses(config(), { cache });
    const { texts } = await openTraining(config(), { cache });
    expect(names).toEqual(classes);
    expect([...ofItem]).toEqual(texts.map((name) => classes.indexOf(name.split(" ")[0]))); // −1 for none
  });
});
