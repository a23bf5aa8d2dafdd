/** Opening the user's images: bad ones are named and change nothing else, decoded ones are kept. */
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { encode } from "fast-png";
import { afterAll, describe, expect, it } from "vitest";
import { filesFrom, type OpenFiles, openFiles } from "../../src/data/filesOpen.ts";

const fixtures = fileURLToPath(new URL("../fixtures/sources/", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "siglip-files-"));
afterAll(() => rmSync(root, { recursive: true }));

/** Opens images; counts those that are decoded. */
async function open(path: string, more: Partial<OpenFiles> = {}) {
  let decoded = 0;
  const progress = (): void => void decoded++;
  const form = { kind: "ink", stored: 12, trim: false } as const;
  const opened = await openFiles({ path, image: "auto", text: "auto", allowBad: 0, form, progress, ...more });
  return { ...opened, pictures: opened.items.map((_, i) => opened.picture(i)), decoded };
}

const copied = (): string => {
  const folder = mkdtempSync(join(root, "images-"));
  cpSync(join(fixtures, "folder"), folder, { recursive: true });
  return folder;
};

/** Image files that cannot be used. */
const BAD: Readonly<Record<string, () => Uint8Array>> = {
  "empty.png": () => new Uint8Array(0),
  "page.jpg": () => Buffer.from("<!doctype html><title>404</title>"),
  "cut.png": () => readFileSync(join(fixtures, "folder/000.png")).subarray(0, 90),
  "crc.png": () => {
    const bytes = Buffer.from(readFileSync(join(fixtures, "folder/000.png")));
    bytes[50] ^= 1;
    return bytes;
  },
  // 100 million pixels in some kilobytes
  "bomb.png": () => encode({ width: 20_000, height: 5000, channels: 1, depth: 1, data: new Uint8Array(2500 * 5000) }),
  "photo.heic": () => Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"),
};

describe("openFiles", () => {
  it("names images that cannot be decoded, with the reason, and has the others as if those were never listed", async () => {
    const folder = copied();
    for (const [name, bytes] of Object.entries(BAD)) {
      writeFileSync(join(folder, name), bytes());
      writeFileSync(join(folder, `${name.slice(0, name.lastIndexOf("."))}.txt`), "bad");
    }
    const [good, mixed] = [await open(join(fixtures, "folder")), await open(folder, { allowBad: 0.5 })];
    expect(mixed.items).toEqual(good.items);
    expect(mixed.pictures).toEqual(good.pictures);
    expect(mixed.rows).toBe(14);
    const said = Object.fromEntries(mixed.bad.map(({ where, reason }) => [where, reason]));
    expect(Object.keys(said).sort()).toEqual(Object.keys(BAD).sort());
    expect(said["empty.png"]).toMatch(/found an empty file/);
    expect(said["page.jpg"]).toMatch(/found an HTML page/);
    expect(said["cut.png"]).toMatch(/damaged or cut short/);
    expect(said["bomb.png"]).toMatch(/pixels; reduce it first/);
    expect(said["photo.heic"]).toMatch(/found a HEIC picture/);
    await expect(open(folder, { allowBad: 0.4 })).rejects.toThrow(
      /6 of 14 rows \(42\.9 %\) cannot be used, and data\.allowBad allows 40 %.*data\.allowBad=0\.43\n {2}bomb\.png: /s,
    );
  });

  it.skipIf(process.platform === "win32")(
    "does not wait for a FIFO that a table names",
    { timeout: 10_000 },
    async () => {
      const folder = copied();
      execFileSync("mkfifo", [join(folder, "pipe.png")]);
      writeFileSync(join(folder, "rows.csv"), "file_name,text\n000.png,a\n001.png,b\npipe.png,c\n");
      const { bad, items } = await open(join(folder, "rows.csv"), { allowBad: 0.5 });
      expect(bad).toEqual([{ where: "rows.csv, line 4", reason: expect.stringMatching(/found not a regular file/) }]);
      expect(items).toHaveLength(2);
    },
  );

  it("keeps decoded pictures in a cache, and decodes only those that are new", async () => {
    const [folder, cache] = [copied(), mkdtempSync(join(root, "cache-"))];
    const first = await open(folder, { cache });
    expect([first.decoded, (await open(folder, { cache })).decoded]).toEqual([8, 0]);
    const bytes = readFileSync(join(fixtures, "folder/001.png"));
    writeFileSync(join(folder, "new.png"), Buffer.concat([bytes, Buffer.of(0)])); // another file with the same pixels
    writeFileSync(join(folder, "new.txt"), "new");
    const second = await open(folder, { cache });
    expect(second.decoded).toBe(1);
    expect((await open(folder)).pictures).toEqual(second.pictures);
  });

  it("decodes again what is cut short or damaged in the cache", async () => {
    const cache = mkdtempSync(join(root, "cache-"));
    const folder = join(fixtures, "folder");
    const { pictures } = await open(folder, { cache });
    const file = join(cache, "files", readdirSync(join(cache, "files"))[0]);
    const { size } = statSync(file);
    const bytes = readFileSync(file);
    bytes[size - 5] ^= 1; // of the last record
    bytes[70] ^= 1; // of the first
    writeFileSync(file, bytes);
    const damaged = await open(folder, { cache });
    expect([damaged.decoded, damaged.pictures]).toEqual([2, pictures]);
    truncateSync(file, size - 100);
    const cut = await open(folder, { cache });
    expect(cut.pictures).toEqual(pictures);
    expect((await open(folder, { cache })).decoded).toBe(0);
  });

  it("reads pictures from the cache file if they do not fit into memory", async () => {
    const [folder, cache] = [join(fixtures, "folder"), mkdtempSync(join(root, "cache-"))];
    const { pictures, rendered } = await open(folder, { cache });
    const streamed = await open(folder, { cache, mostInMemory: 1000 });
    expect(streamed.pictures).toEqual(pictures);
    const bytes = (files: typeof rendered): number => [...files.values()].reduce((sum, { length }) => sum + length, 0);
    expect(bytes(streamed.rendered)).toBeLessThan(bytes(rendered) - 8 * 12 * 12 * 4 + 1000);
    const elsewhere = filesFrom(streamed.rendered);
    expect(elsewhere.items.map((_, i) => elsewhere.picture(i))).toEqual(pictures);
    await expect(open(folder, { mostInMemory: 1000 })).rejects.toThrow(/there is no cache file to hold them/);
  });

  it("works without a cache that can be written, with a warning", async () => {
    const warnings: string[] = [];
    const file = join(root, "file");
    writeFileSync(file, "no folder");
    const { items } = await open(join(fixtures, "folder"), { cache: file, warn: (text) => warnings.push(text) });
    expect(items).toHaveLength(8);
    expect(warnings).toEqual([expect.stringMatching(/^decoded pictures are not kept in .*file/)]);
  });
});
