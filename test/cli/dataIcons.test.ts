import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { prepareIcons } from "../../src/data/index.ts";
import { iconsFolder } from "../../src/run/index.ts";
import { siglip } from "../support/cli.ts";
import { installFakeIcons } from "../support/fakeIcons.ts";

const folder = mkdtempSync(join(tmpdir(), "siglip-icons-"));
const [cache, run] = [join(folder, "cache"), join(folder, "run")];
afterAll(() => rmSync(folder, { recursive: true }));

const inCache = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  siglip(args, undefined, [], undefined, { SIGLIP_CACHE: cache, ...env });

const TRAIN = ["train", "--preset", "icons", "--set", "train.batch=4", "--set", "train.steps=3"];

describe("siglip train --preset icons", { timeout: 120_000 }, () => {
  beforeAll(async () => {
    const packages = join(folder, "packages");
    const sources = installFakeIcons(packages);
    await prepareIcons({ sources, packages, folder: iconsFolder(cache)! });
  });

  it("trains on two devices with two views, and ends with a table and a report of the test set", async () => {
    const { code, stdout, stderr } = await inCache([...TRAIN, "--devices", "2", "--out", run]);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/fourth, a set never seen in training: 4 pictures, 4 texts/);
    expect(stdout).toMatch(/fourth, names seen in training: 2 pictures[\s\S]*picture → text by pixels/);
    expect(stdout).toMatch(/fourth, names never seen: 2 pictures/);
    expect(readFileSync(join(run, "report.html"), "utf8")).toContain("red pear");
  });

  it("evaluates, searches among the test icons, and classifies a picture", async () => {
    const evaluated = await inCache(["eval", run, "--json"]);
    expect(evaluated.code, evaluated.stderr).toBe(0);
    const searched = await inCache(["search", run, "pear", "--json"]);
    expect(searched.code, searched.stderr).toBe(0);
    const { results } = JSON.parse(searched.stdout) as { results: { picture: string }[] };
    expect(results.map(({ picture }) => picture).sort()).toEqual(["apple", "cherry", "pear", "red pear"]);
    const file = join(folder, "picture.png");
    await sharp({ create: { width: 30, height: 30, channels: 3, background: "red" } })
      .png()
      .toFile(file);
    const classified = await inCache(["classify", run, file, "apple", "pear"]);
    expect(classified.code, classified.stderr).toBe(0);
    expect(classified.stdout).toMatch(/pear +score/);
  });

  it("ends with usage and the command to run where nothing is prepared", async () => {
    const { code, stderr } = await inCache(TRAIN, { SIGLIP_CACHE: join(folder, "empty") });
    expect(code).toBe(2);
    expect(stderr).toMatch(/icons: they are not prepared in .*empty.*; run npm run data:icons/);
    expect(stderr.trim().split("\n")).toHaveLength(1);
  });
});

/** A folder with a program that stands for npm. */
function fakeNpm(name: string, script: string): string {
  const bin = join(folder, name);
  mkdirSync(bin);
  writeFileSync(join(bin, "npm"), `#!${process.execPath}\n${script}\n`);
  chmodSync(join(bin, "npm"), 0o755);
  return bin;
}

describe("siglip data icons", { timeout: 60_000 }, () => {
  it("installs the sets with npm, renders them, records their licences, and does neither again", async () => {
    const own = join(folder, "own");
    const calls = join(folder, "calls");
    // An npm that writes a package of one square for each dependency, and counts its calls.
    const bin = fakeNpm(
      "installs",
      `const { mkdirSync, readFileSync, writeFileSync, appendFileSync } = require("node:fs");
      appendFileSync(${JSON.stringify(calls)}, "x");
      const { dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
      for (const [name, version] of Object.entries(dependencies)) {
        mkdirSync("node_modules/" + name, { recursive: true });
        const write = (file, value) => writeFileSync("node_modules/" + name + "/" + file, JSON.stringify(value));
        write("package.json", { version });
        write("icons.json", { icons: { "box-outline": { body: '<path d="M1 1h9v14h-9z"/>' } } });
        write("metadata.json", {});
        write("info.json", { license: { spdx: "MIT" }, author: { name: "Somebody" } });
      }`,
    );
    const env = { SIGLIP_CACHE: own, PATH: `${bin}:${process.env.PATH}` };
    for (const renders of [true, false]) {
      const { code, stdout, stderr } = await inCache(["data", "icons", "--json"], env);
      expect(code, stderr).toBe(0);
      expect(/preparing pictures .*: 50 of 50/.test(stderr)).toBe(renders);
      expect(JSON.parse(stdout)).toEqual({
        uses: [
          { use: "train", sets: 47, icons: 47, names: 1 },
          { use: "validation", sets: 1, icons: 0, names: 0 },
          { use: "test", sets: 2, icons: 0, names: 0 },
        ],
        duplicates: ["ri", "ph", "flat-color-icons"].map((set) => ({
          ...{ set, icons: 1, leaked: 1, sameName: 1, repeated: 0, left: 0, leakedAfter: 0 },
        })),
      });
    }
    expect(readFileSync(calls, "utf8")).toBe("x");
    const licences = readFileSync(join(own, "icons", "LICENCES.txt"), "utf8");
    expect(licences).toMatch(/@iconify-json\/ph 1\.2\.2 {2}MIT {2}Somebody/);
  });

  it("names what npm said if the sets cannot be installed", async () => {
    const bin = fakeNpm("fails", "console.error('npm error network request failed'); process.exit(1);");
    const { code, stdout, stderr } = await inCache(["data", "icons"], { PATH: `${bin}:${process.env.PATH}` });
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/npm install in .* failed: npm error network request failed; check the network/);
  });

  it("refuses another data set, and names the one there is", async () => {
    const { code, stderr } = await inCache(["data", "photos"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/Allowed choices are icons/);
  });
});
