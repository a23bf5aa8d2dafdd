import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import * as realFiles from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { type CacheFiles, readPictures, writePictures } from "../../src/data/pictureCache.ts";

const folder = mkdtempSync(join(tmpdir(), "cache-"));
afterAll(() => rmSync(folder, { recursive: true }));

const key = { side: 2, count: 3, madeFrom: "noto 1.2.9" };
const pictures = Uint8Array.from({ length: 48 }, (_, i) => i * 5);
const file = join(folder, "deep", "noto.bin");

describe("pictureCache", () => {
  it("reads back what was written and leaves no temporary file", async () => {
    await writePictures(file, key, pictures);
    expect(Uint8Array.from((await readPictures(file, key))!)).toEqual(pictures);
    expect(readdirSync(join(folder, "deep"))).toEqual(["noto.bin"]);
  });

  it("keeps the previous file, and leaves no other, if the disk becomes full while it writes", async () => {
    await writePictures(file, key, pictures);
    const full: CacheFiles = {
      ...realFiles,
      async writeFile(path) {
        writeFileSync(String(path), "half");
        throw Object.assign(new Error("no space left on device"), { code: "ENOSPC" });
      },
    };
    await expect(writePictures(file, { ...key, madeFrom: "new" }, pictures, full)).rejects.toThrow("no space left");
    expect(await readPictures(file, key)).toBeDefined();
    expect(readdirSync(join(folder, "deep"))).toEqual(["noto.bin"]);
  });

  it("returns nothing if there is no file", async () => {
    expect(await readPictures(join(folder, "no.bin"), key)).toBeUndefined();
  });

  it.each([{ madeFrom: "noto 1.2.10" }, { count: 4 }, { side: 3 }])("takes %j as stale", async (change) => {
    await writePictures(file, key, pictures);
    expect(await readPictures(file, { ...key, ...change })).toBeUndefined();
  });

  it("detects every truncation and a flipped bit in any byte", async () => {
    await writePictures(file, key, pictures);
    const whole = readFileSync(file);
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length));
      expect(await readPictures(file, key)).toBeUndefined();
    }
    for (let at = 0; at < whole.length; at++) {
      const flipped = Buffer.from(whole);
      flipped[at] ^= 1 << (at % 8);
      writeFileSync(file, flipped);
      expect(await readPictures(file, key)).toBeUndefined();
    }
  });
});
