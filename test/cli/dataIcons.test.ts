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

describe("siglip data icons", { timeout: 60_000 }, () => {
  it("names what npm said if the sets cannot be installed", async () => {
    const bin = join(folder, "bin");
    mkdirSync(bin);
    writeFileSync(join(bin, "npm"), "#!/bin/sh\necho 'npm error network request failed' >&2\nexit 1\n");
    chmodSync(join(bin, "npm"), 0o755);
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
