/** Samples of a WebDataset that cannot be used are named; the others are read, in whatever order their members stand. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, describe, expect, it } from "vitest";
import { openSource } from "../../../src/data/sources/openSource.ts";
import { isGood } from "../../../src/data/sources/row.ts";
import { scanSource } from "../../../src/data/sources/scan.ts";
import { archive, type Written } from "../../support/tarArchive.ts";

const png = readFileSync(fileURLToPath(new URL("../../fixtures/sources/folder/000.png", import.meta.url)));
const root = mkdtempSync(join(tmpdir(), "siglip-wds-"));
afterAll(() => rmSync(root, { recursive: true }));

const open = (path: string) => openSource(path, { image: "auto", text: "auto", warn: () => {} });

/** Names of the samples that can be used, with their captions, and the reasons for the others. */
async function samples(bytes: Uint8Array, name = "a.tar"): Promise<string[]> {
  writeFileSync(join(root, name), bytes);
  const found: string[] = [];
  for await (const row of (await open(join(root, name))).rows()) {
    found.push(isGood(row) ? `${row.name}: ${row.texts.join(" | ")}` : `${row.where}: ${row.reason}`);
  }
  return found;
}

const sample = (name: string, data: string | Uint8Array): Written => ({ name, data });

describe("webDataset", () => {
  it("joins members of a name up to the first dot, also if they do not stand together", async () => {
    const members = [sample("d.1/a.png", png), sample("b.txt", "bee"), sample("d.1/a.txt", "one\ntwo"), sample("b.PNG", png), sample("b.depth.png", png)]; // biome-ignore format: a line
    expect(await samples(archive(...members))).toEqual(["d.1/a.png: one | two", "b.png: bee"]);
  });

  it("reads the same from a gzip file", async () => {
    const bytes = archive(sample("a.png", png), sample("a.json", '{"caption": "one", "width": 3}'));
    expect(await samples(gzipSync(bytes), "a.tgz")).toEqual(await samples(bytes));
  });

  it("names samples without image or caption, with two of one, with broken captions, and members that are no file", async () => {
    const members = [
      sample("only.txt", "text"),
      sample("image.png", png),
      sample("image.cls", "3"),
      ...[sample("two.png", png), sample("two.jpg", png), sample("two.txt", "x")],
      ...[sample("twice.png", png), sample("twice.png", png), sample("twice.txt", "x")],
      ...[sample("json.png", png), sample("json.json", "{")],
      { name: "link.png", type: "2" },
    ];
    expect(await samples(archive(...members))).toEqual([
      "a.tar, link.png: a symbolic link, which is skipped",
      "a.tar, only: no image among txt",
      "a.tar, image: no captions: expected a member .txt, .json, .caption, .text",
      "a.tar, two: several images: png, jpg",
      "a.tar, twice: two members twice.png",
      expect.stringMatching(/^a\.tar, json: /),
    ]);
  });

  it.each([
    ["a gzip file that is cut short", () => gzipSync(archive(sample("a.png", png))).subarray(0, 60), "TAR_GZIP"],
    ["an archive that is cut short", () => archive(sample("a.png", png)).subarray(0, 600), "TAR_TRUNCATED"],
  ])("refuses %s", async (_, bytes, code) => {
    await expect(samples(bytes())).rejects.toMatchObject({ code });
  });

  it("reads the archives of a folder in order; their names say which split they are", async () => {
    const folder = mkdtempSync(join(root, "shards-"));
    writeFileSync(join(folder, "train-0.tar"), archive(sample("a.png", png), sample("a.txt", "one")));
    writeFileSync(
      join(folder, "val-0.tar"),
      archive(sample("b.png", Buffer.concat([png, png])), sample("b.txt", "two")),
    );
    const { images } = await scanSource(await open(folder));
    expect(images.map(({ name, split }) => `${name} ${split}`).sort()).toEqual(["a.png train", "b.png validation"]);
  });
});
