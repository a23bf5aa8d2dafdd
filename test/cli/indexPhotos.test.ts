import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { saveModel } from "../../src/models/index.ts";
import { IndexWriter } from "../../src/photos/writer.ts";
import { SigLip } from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { byteTokenizer } from "../../src/tokenizers/index.ts";
import { siglip } from "../support/cli.ts";
import { TINY } from "../support/tinyModel.ts";

const folder = mkdtempSync(join(tmpdir(), "siglip-index-"));
const [model, other, pictures] = ["model", "other", "pictures"].map((name) => join(folder, name));

beforeAll(async () => {
  const config = { ...TINY, text: { ...TINY.text, vocabSize: byteTokenizer.vocabSize } };
  for (const [seed, path] of [model, other].entries()) {
    saveModel(new SigLip(new Rng(seed), config), path, "siglip-ts", { tokenizer: byteTokenizer });
  }
  mkdirSync(join(pictures, "deep"), { recursive: true });
  for (const [i, name] of ["red.jpg", "green.png", "deep/blue.png", "deep/same.png"].entries()) {
    const background = ["red", "green", "blue", "blue"][i];
    const picture = sharp({ create: { width: 20, height: 20, channels: 3, background } });
    await picture.withExif({ IFD2: { DateTimeOriginal: `2024:0${i + 1}:01 10:00:00` } }).toFile(join(pictures, name));
  }
  writeFileSync(join(pictures, "notes.txt"), "shopping");
});
afterAll(() => rmSync(folder, { recursive: true }));

const search = async (
  ...args: string[]
): Promise<{ file: string; probability: number; similarity: number; rank: number }[]> => {
  const { code, stdout, stderr } = await siglip(["search", pictures, ...args, "--json"]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout).results;
};

describe("siglip index and search", { timeout: 120_000 }, () => {
  it("index a folder and find its pictures by words, by an image, and by their difference", async () => {
    const indexed = await siglip(["index", pictures, "--model", model]);
    expect(indexed.code, indexed.stderr).toBe(0);
    expect(indexed.stdout).toMatch(
      /^4 pictures in .*\.siglip-index: 4 embedded, 0 renamed, .*\nskipped: 1 that is not a picture\n$/,
    );
    const all = await search("red", "--min-probability", "0", "--top", "9");
    expect(all.map(({ rank }) => rank)).toEqual([1, 2, 3]);
    expect(all.map(({ file }) => file).sort()).toEqual(
      ["deep/blue.png", "green.png", "red.jpg"].map((name) => join(pictures, name)),
    );
    const [same] = await search("--image", join(pictures, "deep/blue.png"), "--min-probability", "0");
    expect(same).toMatchObject({
      file: join(pictures, "deep/blue.png"),
      duplicates: [join(pictures, "deep/same.png")],
    });
    expect(same.similarity).toBeCloseTo(1, 5);
    const image = ["--image", join(pictures, "red.jpg"), "--minus", "green", "--minus-weight", "0.1"];
    expect((await search(...image, "--min-probability", "0"))[0].file).toBe(join(pictures, "red.jpg"));
  });

  it("find nothing where nothing matches, which is no error, and write a page about it", async () => {
    const page = join(folder, "sheet.html");
    const { code, stdout } = await siglip([
      "search",
      pictures,
      "<b>",
      "--min-probability",
      "1",
      "--out",
      page,
      "--json",
    ]);
    expect([code, JSON.parse(stdout)]).toEqual([0, { photos: 4, results: [] }]);
    expect(readFileSync(page, "utf8")).toMatch(
      /<h1><bdi>&lt;b&gt;<\/bdi><\/h1>\n<p class="lead">Nothing found among 4 pictures/,
    );
    const all = await siglip(["search", pictures, "red", "--min-probability", "0", "--out", page]);
    expect(all.stdout).toMatch(/^ {2}1 {2}probability 0\.\d{4} {2}similarity .*\.(jpg|png)/);
    expect(all.code, all.stderr).toBe(0);
    expect(readFileSync(page, "utf8").match(/<img src="data:image\/jpeg;base64,/g)?.length).toBe(3);
  });

  it("say how near the nearest picture is where none matches, but not of a filter that leaves none", async () => {
    const { code, stdout, stderr } = await siglip(["search", pictures, "red", "--min-probability", "1"]);
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toMatch(
      /^nothing found among 4 pictures: the nearest has a probability of 0\.\d{4}, below 1; try another query, or list the nearest with --min-probability 0\n$/,
    );
    const filtered = await siglip(["search", pictures, "red", "--under", "none", "--from", "2024"]);
    expect([filtered.code, filtered.stderr]).toEqual([
      0,
      "nothing found among 4 pictures: none is within --under none --from 2024; leave out or widen them\n",
    ]);
  });

  it("say of an empty index what to do", async () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    writeFileSync(join(empty, "notes.txt"), "shopping");
    expect((await siglip(["index", empty, "--model", model])).code).toBe(0);
    const { code, stdout, stderr } = await siglip(["search", empty, "red"]);
    expect([code, stdout]).toEqual([0, ""]);
    expect(stderr).toBe(`nothing found among 0 pictures: add some to ${empty} and repeat the index command\n`);
  });

  it("refuse a folder without an index, options and pictures that do not fit, and say what to do", async () => {
    const refusals: [args: string[], says: RegExp][] = [
      [
        [join(pictures, "deep"), "red"],
        /deep has no index and is no model; make an index with .* index .*deep --model MODEL/,
      ],
      [[join(pictures, "gone"), "red"], /gone does not exist; give an index or its folder of pictures, a run/],
      [[model, "red", "--min-probability", "0.2"], /--min-probability needs an index; make one with/],
      [[model, "--image", join(pictures, "red.jpg")], /--image needs an index; make one with/],
      [[pictures, "red", "heart"], /heart was given beside an index.* in quotes/],
      [[pictures, "red", "--from", "2024-13"], /"2024-13" is not a day/],
    ];
    for (const [args, says] of refusals) {
      const { code, stderr } = await siglip(["search", ...args]);
      expect([code, stderr]).toEqual([2, expect.stringMatching(says)]);
    }
  });

  it("refuse a second indexer, another model, and queries without words, with the exit codes of such errors", async () => {
    const index = join(pictures, ".siglip-index");
    const refused = await siglip(["index", pictures, "--model", other]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/made with the model .* use another --out/),
    ]);
    const { fingerprint } = JSON.parse(readFileSync(join(index, "index.json"), "utf8")).model;
    const of = { model: { path: model, fingerprint }, folder: pictures, width: TINY.embedDim };
    const writer = IndexWriter.open(index, of, new Date(), () => {}, (await import("../../src/run/index.ts")).realFs);
    const second = await siglip(["index", pictures, "--model", model]);
    writer.release();
    expect([second.code, second.stderr]).toEqual([73, expect.stringMatching(/is in use by process/)]);
    for (const args of [[], ["red", "--min-probability", "2"]]) {
      const { code, stderr } = await siglip(["search", pictures, ...args]);
      expect([code, args], stderr).toEqual([2, args]);
    }
  });
});
