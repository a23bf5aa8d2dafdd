/** `siglip train --data`: people's own images, in whatever form they keep them. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { CheckpointFolder } from "../../src/run/checkpoint.ts";
import { openModel } from "../../src/run/openModel.ts";
import { openStartingWeights } from "../../src/run/startingWeights.ts";
import { sha256OfWeights, weightsOf } from "../../src/run/weights.ts";
import { type Finished, siglip, siglipProcess } from "../support/cli.ts";
import { released } from "../support/released.ts";

const fixtures = fileURLToPath(new URL("../fixtures/sources/", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "siglip-data-"));
afterAll(() => rmSync(folder, { recursive: true }));

const at = (name: string): string => join(folder, name);

const SMALL = ["image.imageSize=16", "image.patchSize=8", "image.width=16", "image.depth=1", "image.mlpDim=32", "image.numHeads=2", "text.width=16", "text.mlpDim=32", "embedDim=16"].flatMap((setting) => ["--set", `model.${setting}`]); // biome-ignore format: a line
const SHORT = ["--set", "train.steps=3", "--set", "log.every=1"];

const train = (args: readonly string[]): Promise<Finished> =>
  siglip(["train", ...args], undefined, [], undefined, { SIGLIP_CACHE: at("cache") });

async function done(...args: readonly string[]): Promise<Finished> {
  const finished = await train(args);
  expect(finished.code, finished.stderr).toBe(0);
  return finished;
}

function weights(name: string, begin = ""): string {
  return sha256OfWeights(weightsOf(new CheckpointFolder(join(at(name), "checkpoint"), { keep: 2 }).load()!), begin);
}

/** A folder with the first images of the fixtures, named and captioned anew. */
function images(count: number): string {
  const to = at(`images-${count}`);
  mkdirSync(to);
  for (let i = 0; i < count; i++) {
    cpSync(join(fixtures, `folder/00${i}.${i === 3 ? "webp" : "png"}`), join(to, `${i}.png`));
    writeFileSync(join(to, `${i}.txt`), `image number ${i}`);
  }
  return to;
}

describe("siglip train --data", { timeout: 120_000 }, () => {
  it("ends with the same weights for every form of the data, on one device and two, with bad rows and without", async () => {
    const mixed = at("mixed");
    cpSync(fixtures, mixed, { recursive: true });
    const rows = readFileSync(join(fixtures, "comma.csv"), "utf8");
    writeFileSync(join(mixed, "folder/broken.png"), "no image");
    writeFileSync(join(mixed, "bad.csv"), `${rows}folder/broken.png,broken\nfolder/none.png,missing\n`);
    const run = (name: string, path: string, ...more: string[]) =>
      done("--data", path, ...SMALL, ...SHORT, "--shards", "2", "--out", at(name), ...more);
    await run("folder", join(fixtures, "folder"), "--devices", "1");
    await run("parquet", join(fixtures, "struct.parquet"), "--devices", "2");
    const { stderr } = await run("bad", join(mixed, "bad.csv"), "--devices", "1", "--set", "data.allowBad=0.2");
    expect(stderr).toMatch(/2 of 11 rows cannot be used and are left out/);
    expect(stderr).toMatch(/bad\.csv, line 11: .*broken\.png.*found text/);
    expect(new Set(["folder", "parquet", "bad"].map((name) => weights(name))).size).toBe(1);
  });

  it("resumes where the data lies by then, and refuses data that has changed", async () => {
    const [data, moved] = [images(5), at("moved")];
    await done("--data", data, ...SMALL, ...SHORT, "--out", at("run"));
    renameSync(data, moved);
    const more = ["--resume", "--out", at("run"), "--set", "train.steps=3", "--set", `data.path=${moved}`];
    await done(...more);
    writeFileSync(join(moved, "0.txt"), "another caption");
    // A process that has opened the data does not read it again.
    const { code, stderr } = await siglipProcess(["train", ...more], { SIGLIP_CACHE: at("cache") });
    expect([code, stderr]).toEqual([2, expect.stringMatching(/captions or splits have changed since the run began/)]);
  });

  it("with --dry-run says what was understood, and writes no run", async () => {
    const { stdout, stderr } = await done(
      "--data",
      join(fixtures, "comma.csv"),
      ...SMALL,
      "--dry-run",
      "--json",
      "--sheet",
      at("sheet.html"),
      "--out",
      at("dry"),
    );
    const { data, steps } = JSON.parse(stdout);
    expect(data).toMatchObject({
      source: "a table separated by commas",
      columns: { image: "file_name", text: "text" },
    });
    expect(data).toMatchObject({ rows: 9, images: 8, captions: 9, train: 8, tests: {}, repeatedImages: 1, bad: [] });
    expect(data.examples).toHaveLength(3);
    expect([steps, existsSync(at("dry"))]).toEqual([400, false]);
    expect(stderr).toContain(`\nsheet: ${at("sheet.html")}\n`);
    expect(readFileSync(at("sheet.html"), "utf8").match(/<img src="data:image\/png/g)).toHaveLength(16); // two views
  });

  it("shows the first captions by name in words, and only the part of the recipe that --set does not override", async () => {
    const own = images(4);
    const { stdout, stderr } = await done("--data", own, ...SMALL, ...SHORT, "--dry-run");
    expect(stdout).toMatch(
      /^for example +0\.png: image number 0\nfor example +1\.png: image number 1\nfor example +2\.png: image number 2$/m,
    );
    expect(stderr).toMatch(/^recipe for 4 images: train\.batch=4 eval\.every=100 \(--set overrides\)$/m);
  });

  it("with --dry-run says which captions it counts as empty, and what becomes of them", async () => {
    cpSync(fixtures, at("blank"), { recursive: true });
    const table = join(at("blank"), "blank.jsonl");
    const captions = [["a red circle", " "], ["a square"], ["None", ""]];
    const names = ["000.png", "001.png", "002.png"];
    const rows = captions.map((caption, i) => JSON.stringify({ image: `folder/${names[i]}`, caption }));
    writeFileSync(table, rows.join("\n"));
    const { stdout } = await done("--data", table, ...SMALL, ...SHORT, "--dry-run");
    expect(stdout).toMatch(/^captions +3$/m);
    expect(stdout).toMatch(/^empty captions +2 \(nothing but white space, beside others; left out\)$/m);
  });

  it("with --dry-run names each row that cannot be used once", async () => {
    cpSync(fixtures, at("once"), { recursive: true });
    const table = join(at("once"), "once.csv");
    const rows = readFileSync(join(fixtures, "comma.csv"), "utf8");
    writeFileSync(table, `${rows}folder/000.png,\nfolder/none.png,missing\n`);
    const { stdout, stderr } = await done(
      "--data",
      table,
      ...SMALL,
      ...SHORT,
      "--dry-run",
      "--set",
      "data.allowBad=0.2",
    );
    const both = `${stdout}${stderr}`;
    expect(both.match(/once\.csv, line 11: its caption is empty/g)).toHaveLength(1);
    expect(both.match(/once\.csv, line 12: .*none\.png.*no such file/g)).toHaveLength(1);
    expect(stdout).toMatch(/^rows that cannot be used +2$/m);
  });

  it("ends with a search of the folder of images that runs as it is printed, but not of a table", async () => {
    const own = at("my pictures");
    cpSync(join(fixtures, "folder"), own, { recursive: true });
    const inFolder = (args: readonly string[]) => siglip(args, undefined, [], folder, { SIGLIP_CACHE: at("cache") });
    const trained = await inFolder(["train", "--data", "my pictures", ...SMALL, ...SHORT, "--out", "run of mine"]);
    expect(trained.stderr).toMatch(/^search with it: .* search 'run of mine' 007 'my pictures'$/m);
    const found = await inFolder(["search", "run of mine", "007", "my pictures"]);
    expect([found.code, found.stdout]).toEqual([0, expect.stringMatching(/my pictures\/00\d\.png/)]);
    const table = ["--data", join(fixtures, "comma.csv")];
    const { stderr } = await inFolder(["train", ...table, ...SMALL, ...SHORT, "--out", "another"]);
    expect(stderr).toMatch(/^search with it: .* search another 007$/m);
  });

  it("trains released weights on, and the run answers with their tokenizer and preparation", async () => {
    const args = ["--data", join(fixtures, "folder"), "--init", released("hf/tiny"), ...SHORT];
    await done(...args, "--out", at("onto"));
    const config = JSON.parse(readFileSync(join(at("onto"), "config.json"), "utf8"));
    expect(config.tokenizer).toMatchObject({ kind: "init", length: 16 });
    expect(config.data.augment).toBe("none");
    expect(JSON.parse(config.data.preprocess).steps[0].op).toBe("resize");
    const { pictures, tokenizer } = openModel(at("onto"), () => {});
    const origin = openModel(released("hf/tiny"), () => {});
    expect([pictures.settings, tokenizer.toJSON()]).toEqual([origin.pictures.settings, origin.tokenizer.toJSON()]);
  });

  it("with --lock image embeds each image once with the released tower, which stays as it is", async () => {
    const args = ["--data", join(fixtures, "folder"), "--init", released("hf/tiny"), "--lock", "image", ...SHORT];
    const { stderr } = await done(...args, "--out", at("locked"));
    expect(stderr).toMatch(/embedding images \(once\): 8 of 8/);
    expect(existsSync(join(at("locked"), "embeddings.safetensors"))).toBe(true);
    const { sha256 } = openStartingWeights(released("hf/tiny"), () => {});
    expect(weights("locked", "image/")).toBe(sha256.image);
  });
});
