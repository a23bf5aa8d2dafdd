/** The user's images as a data set: splits, test sets and recipes. */
import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { type FileImages, type FileItem, SourceError } from "../../src/data/index.ts";
import { ConfigError, resolveConfig } from "../../src/run/config.ts";
import type { Opening } from "../../src/run/dataSet.ts";
import { openClasses, openProbe, openTests, openTraining } from "../../src/run/dataSets.ts";
import { evaluateSet } from "../../src/run/evaluation.ts";
import { splitFiles } from "../../src/run/filesData.ts";
import { filesRecipe } from "../../src/run/filesRecipe.ts";

const item = (n: number, more: Partial<FileItem> = {}): FileItem => ({
  sha256: createHash("sha256").update(String(n)).digest("hex"),
  name: `${n}.png`,
  captions: [{ text: `caption ${n}` }],
  cutOff: 0,
  ...more,
});

/** Images without pictures: they are never drawn here. */
const images = (items: readonly FileItem[]): FileImages => ({
  items: [...items].sort((a, b) => (a.sha256 < b.sha256 ? -1 : 1)),
  form: { kind: "ink", stored: 1, trim: false },
  picture: () => new Uint8Array(0),
});

const many = (count: number): FileItem[] => Array.from({ length: count }, (_, n) => item(n));

/** The names of a part. */
const named = (files: FileImages, part: Int32Array | undefined): string[] =>
  Array.from(part ?? [], (i) => files.items[i].name);

describe("splitFiles", () => {
  it("has every image in one part, and an image stays in its part when others are added", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 200 }),
        fc.nat(100),
        fc.double({ min: 0, max: 0.9 }),
        (count, added, share) => {
          const [before, after] = [images(many(count)), images(many(count + added))];
          const [small, large] = [before, after].map((files) => splitFiles(files, share));
          const tested = named(before, small.tests.get("test"));
          expect([...named(before, small.train), ...tested].sort()).toEqual(
            many(count)
              .map(({ name }) => name)
              .sort(),
          );
          const later = new Set(named(after, large.tests.get("test")));
          for (const name of named(before, small.train)) expect(later.has(name)).toBe(false);
          for (const name of tested) expect(later.has(name)).toBe(true);
        },
      ),
    );
  });

  it("tests about the share that is asked for", () => {
    const { tests } = splitFiles(images(many(5000)), 0.1);
    expect(tests.get("test")!.length).toBeGreaterThan(430);
    expect(tests.get("test")!.length).toBeLessThan(570);
  });

  it("keeps all of fewer than 20 images for training", () => {
    expect(splitFiles(images(many(19)), 0.5).train).toHaveLength(19);
    expect(splitFiles(images(many(19)), 0.5).tests.size).toBe(0);
  });

  it("follows the source if it names a split for testing, and draws none then", () => {
    const files = images([...many(50), item(60, { split: "test" }), item(61, { split: "validation" })]);
    const { train, tests } = splitFiles(files, 0.5);
    expect(train).toHaveLength(50);
    expect([...tests].map(([name, part]) => [name, named(files, part)])).toEqual([["test", ["60.png"]], ["validation", ["61.png"]]]); // biome-ignore format: a line
  });
});

describe("filesRecipe", () => {
  const settings = (count: number, more = {}): Record<string, string> =>
    Object.fromEntries(
      filesRecipe({ images: count, start: "nothing", isLocked: false, ...more }).map((each) => each.split("=")),
    );

  it.each([
    [2, "2", "400"],
    [5, "4", "400"],
    [45, "32", "400"],
    [114, "64", "600"],
    [116, "64", "600"],
    [127, "64", "700"],
    [128, "128", "700"],
    [900, "128", "1800"],
    [45_000, "256", "12000"],
  ])("for %i images has batches of %s in %s steps", (count, batch, steps) => {
    expect(settings(count)).toMatchObject({ "train.batch": batch, "train.steps": steps });
  });

  it("gives valid configurations whatever the number, the start and the lock, with a batch that the images fill", () => {
    const uses = fc.record({
      images: fc.integer({ min: 2, max: 200_000 }),
      start: fc.constantFrom("nothing" as const, "trained here" as const, "released" as const),
      isLocked: fc.boolean(),
    });
    fc.assert(
      fc.property(uses, (use) => {
        const locked = use.isLocked ? ["train.lock=image"] : [];
        const { train } = resolveConfig("files", ["data.path=x", ...locked, ...filesRecipe(use)]);
        expect(train.batch).toBeLessThanOrEqual(use.images);
      }),
      { numRuns: 50 },
    );
  });

  it("changes a trained model less than a new one", () => {
    expect(Number(settings(900, { start: "released" })["optim.lr"])).toBeLessThan(1e-4);
    const stepsFrom = (start: string) =>
      [10, 900, 45_000].map((count) => Number(settings(count, { start })["train.steps"]));
    expect(stepsFrom("trained here")).toEqual([100, 113, 2813]); // 16 times each image, but 100 at least
    expect(stepsFrom("released")).toEqual([100, 450, 3000]);
  });
});

describe("captions as classes", () => {
  const root = mkdtempSync(join(tmpdir(), "siglip-classes-"));
  afterAll(() => rmSync(root, { recursive: true }));

  /** The configuration of a run on the first images of the fixtures, each under one of these names. */
  function configOf(names: readonly string[]) {
    const folder = mkdtempSync(join(root, "images-"));
    names.forEach((name, i) => {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      cpSync(
        new URL(`../fixtures/sources/folder/00${i}.${i === 3 ? "webp" : "png"}`, import.meta.url),
        join(folder, name),
      );
    });
    return resolveConfig("files", [`data.path=${folder}`, "train.batch=4"]);
  }

  it("are those of training, and tell which images are tested", async () => {
    const config = configOf(["train/dog/1", "train/cat/2", "train/cat/3", "train/dog/4", "test/cat/5", "test/owl/6"].map((name) => `${name}.png`)); // biome-ignore format: a line
    const [{ names, ofItem }, probe] = [await openClasses(config), (await openProbe(config, {}))!];
    expect([names, [...ofItem].sort()]).toEqual([["cat", "dog"], [-1, 0, 0, 0, 1, 1]]); // biome-ignore format: a line
    expect(probe.train.map(({ labels }) => [...labels].sort())).toEqual([[0, 0, 1, 1]]);
    expect([probe.test.pictures.texts, [...probe.test.labels]]).toEqual([["cat"], [0]]);
    for (const { pictures, labels } of probe.train) {
      expect(pictures.texts).toEqual(Array.from(labels, (label) => names[label]));
    }
  });

  it("are no classes if most images have one of their own", async () => {
    const config = configOf(["dog/1.png", "cat/2.png", "owl/3.png", "owl/4.png"]);
    await expect(openClasses(config)).rejects.toThrow(/at least two images for a class; use train\.objective=pairs/);
    expect(await openProbe(config, {})).toBeUndefined();
  });
});

describe("the smallest data", () => {
  it("is none: a run without a path is refused", async () => {
    await expect(openTraining(resolveConfig("files", []), {})).rejects.toThrow(/data\.name files needs data\.path/);
  });

  const root = mkdtempSync(join(tmpdir(), "siglip-files-"));
  afterAll(() => rmSync(root, { recursive: true }));

  /** Opens the data of a run on so many captioned images. */
  function opened(count: number) {
    const folder = mkdtempSync(join(root, "images-"));
    for (let i = 0; i < count; i++) {
      cpSync(new URL(`../fixtures/sources/folder/00${2 * i}.png`, import.meta.url), join(folder, `${i}.png`));
      writeFileSync(join(folder, `${i}.txt`), `image ${i}`);
    }
    const recipe = filesRecipe({ images: Math.max(2, count), start: "nothing", isLocked: false });
    const config = resolveConfig("files", [`data.path=${folder}`, ...recipe]);
    return Promise.all([openTraining(config, {}), openTests(config, {})]);
  }

  it.each([
    [0, /no images among 0 files; give images with captions/],
    [1, /found one image with a caption, which has nothing to differ from; give at least 2/],
  ])("of %i images is refused", async (count, says) => {
    await expect(opened(count)).rejects.toThrow(SourceError);
    await expect(opened(count)).rejects.toThrow(says);
  });

  it("is read anew if it is opened again, unless the opening keeps it", async () => {
    const folder = mkdtempSync(join(root, "again-"));
    const write = (caption: string): void => writeFileSync(join(folder, "0.txt"), caption);
    for (const i of [0, 1]) {
      cpSync(new URL(`../fixtures/sources/folder/00${2 * i}.png`, import.meta.url), join(folder, `${i}.png`));
      writeFileSync(join(folder, `${i}.txt`), `image ${i}`);
    }
    const config = resolveConfig("files", [`data.path=${folder}`, "train.batch=2"]);
    const keeping = { files: {} };
    const contents = async (opening: Opening) => (await openTraining(config, opening)).contents;
    const [first, kept] = [await contents({}), await contents(keeping)];
    write("another caption");
    expect([kept, await contents(keeping)]).toEqual([first, first]);
    expect(await contents({})).not.toBe(first);
  });

  it.each([2, 4])("of %i images is trained on, and tested on the same images", async (count) => {
    const [training, { sets }] = await opened(count);
    expect([training.items, sets[0].pictures.count]).toEqual([count, count]);
    expect(sets[0].title).toBe("the images of training, since none are held out");
  });
});

describe("test sets", () => {
  it("have one image for each caption, since nobody can tell which of two is right", async () => {
    const folder = mkdtempSync(join(tmpdir(), "siglip-classes-"));
    for (const [i, name] of ["round/a", "round/b", "square/c", "train/round/d", "train/square/e"].entries()) {
      const file = join(folder, i < 3 ? "test" : "", `${name}.png`);
      mkdirSync(join(file, ".."), { recursive: true });
      const from = new URL(`../fixtures/sources/folder/00${[0, 2, 1, 4, 5][i]}.png`, import.meta.url);
      cpSync(from, file);
    }
    const { sets } = await openTests(resolveConfig("files", [`data.path=${folder}`, "train.batch=2"]), {});
    rmSync(folder, { recursive: true });
    expect(sets.map(({ title, pictures }) => [title, [...pictures.texts].sort()])).toEqual([
      ["test, images held out, one for each caption", ["round", "square"]],
    ]);
  });
});

describe("test sets of captions in languages", () => {
  const folder = mkdtempSync(join(tmpdir(), "siglip-languages-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  cpSync(new URL("../fixtures/sources/folder", import.meta.url), folder, { recursive: true });

  /** The test set of a table of images, captions, languages and splits. */
  async function testOf(rows: readonly string[]) {
    const table = join(folder, `${rows.length}.csv`);
    writeFileSync(table, ["file_name,text,language,split", ...rows].join("\n"));
    const { sets } = await openTests(resolveConfig("files", [`data.path=${table}`, "train.batch=2"]), {});
    return sets[0];
  }
  const trained = ["000.png,cat,en,train", "000.png,Katze,de,train", "001.png,dog,en,train", "001.png,Hund,,train"];

  it("are evaluated in each language among all images; those of training are told from others", async () => {
    const set = await testOf([
      ...trained,
      ...["002.png,hat,en,test", "002.png,chapeau,fr,test", "004.png,sun,en,test", "004.png,Sonne,de,test"],
      "004.png,sol,no such language,test",
    ]);
    const { texts, languages } = set.pictures;
    const sorted = texts.map((text, j) => [text, languages![j]]).sort();
    expect(sorted).toEqual([
      ["Sonne", "de"], ["chapeau", "fr"], ["hat", "en"], ["sol", "no such language"], ["sun", "en"],
    ]); // biome-ignore format: pairs
    expect(set.trainedLanguages).toEqual(["de", "en"]);
    const one = Float32Array.of(1, 0, 0, 1); // two images; texts are those of their images
    const ztxt = Float32Array.from(
      [...set.pictures.owner].flatMap((owner) => [...one.subarray(2 * owner, 2 * owner + 2)]),
    );
    const { languages: rows, recall } = evaluateSet({ test: set, zimg: one, ztxt });
    expect(rows!.map(({ language, name, trained }) => [language, name, trained]).sort()).toEqual([
      ["de", "German", true], ["en", "English", true], ["fr", "French", false],
      ["no such language", "no such language", false],
    ]); // biome-ignore format: rows
    expect(recall[0].textToImage).toBe(1);
  });

  it("name no languages if all captions are in one, or training saw none of them", async () => {
    const one = await testOf([...trained, "002.png,hat,en,test", "004.png,sun,en,test"]);
    const unseen = await testOf([...trained, "002.png,hatt,sv,test", "002.png,chapeau,fr,test", "004.png,sol,sv,test"]);
    for (const set of [one, unseen])
      expect([set.pictures.languages, set.trainedLanguages]).toEqual([undefined, undefined]);
  });
});

describe("a configuration of the user's images", () => {
  it.each([
    [["data.path=x"], /data\.path is for data\.name files, and this run is on emoji/],
    [["data.name=files", "data.path=x", "data.preprocess={}"], /data\.preprocess = "\{\}": expected none or steps/],
    [["data.name=files", "data.path=x", 'data.preprocess={"steps": [], "values": {"kind": "normalize", "scale": 1, "mean": [0, 0, 0], "std": [1, 1, 1]}}'], /data\.augment light is for models/],
  ])("refuses %j", (set, says) => {
    expect(() => resolveConfig("emoji", set)).toThrow(ConfigError);
    expect(() => resolveConfig("emoji", set)).toThrow(says);
  }); // biome-ignore format: a case a line
});
