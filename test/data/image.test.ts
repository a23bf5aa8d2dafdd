import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { decodeImage, PictureError, readImage } from "../../src/data/index.ts";
import { cpuTime } from "../support/cpuTime.ts";
import { Goldens } from "../support/goldens.ts";

const folder = mkdtempSync(join(tmpdir(), "images-"));
afterAll(() => rmSync(folder, { recursive: true }));

const goldens = new Goldens("pillow/files");
const files = goldens.names("file.");
const fileOf = (name: string): Uint8Array => goldens.get(`file.${name}`).data as Uint8Array;

const chunk = (type: string, data: Uint8Array): Buffer => {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, "latin1");
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
};
const SIGNATURE = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
/** The first chunk of a PNG file: 8 bits grey unless `colour` says otherwise. */
function header(width: number, height: number, depth = 8, colour = 0): Buffer {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt32BE(width, 0);
  bytes.writeUInt32BE(height, 4);
  bytes.set([depth, colour], 8);
  return chunk("IHDR", bytes);
}
const data = (bytes: number): Buffer => chunk("IDAT", deflateSync(Buffer.alloc(bytes)));
const end = chunk("IEND", Buffer.alloc(0));
const png = (...chunks: Buffer[]): Buffer => Buffer.concat([SIGNATURE, ...chunks]);

describe("decodeImage", () => {
  it.each(files)("gives Pillow's bytes: %s", async (name) => {
    const image = await decodeImage(fileOf(name), name);
    const { data, shape } = goldens.get(`rgb.${name}`);
    expect([image.height, image.width, 3]).toEqual(shape);
    expect(Buffer.compare(image.data, data as Uint8Array)).toBe(0);
    expect(image.name).toBe(name);
  });
  it("is tested with all 35 files of the fixture", () => expect(files.length).toBe(35));

  it("turns an image by its EXIF orientation as if its pixels had been turned", async () => {
    const upright = await decodeImage(fileOf("turned1.jpg"), "1");
    const { width, height } = upright;
    const at = (image: typeof upright, x: number, y: number): number[] =>
      Array.from(image.data.subarray((y * image.width + x) * 3, (y * image.width + x) * 3 + 3));
    const [right, bottom] = [width - 1, height - 1];
    /** Where pixel (x, y) of the file ends. */
    const places: ((x: number, y: number) => [number, number])[] = [
      (x, y) => [x, y],
      (x, y) => [right - x, y],
      (x, y) => [right - x, bottom - y],
      (x, y) => [x, bottom - y],
      (x, y) => [y, x],
      (x, y) => [bottom - y, x],
      (x, y) => [bottom - y, right - x],
      (x, y) => [y, right - x],
    ];
    for (const [i, place] of places.entries()) {
      const turned = await decodeImage(fileOf(`turned${i + 1}.jpg`), "turned");
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) expect(at(turned, ...place(x, y))).toEqual(at(upright, x, y));
      }
    }
  });

  it("keeps the upper 8 of 16 bits of grey", async () => {
    const bytes = png(header(1, 1, 16), chunk("IDAT", deflateSync(Buffer.from([0, 200, 129]))), end);
    expect(Array.from((await decodeImage(bytes, "grey16.png")).data)).toEqual([200, 200, 200]);
  });

  it("reads a PNG named .jpg and the reverse by their content", async () => {
    for (const [file, as] of [
      ["rgb.png", "a.jpg"],
      ["444.jpg", "a.png"],
    ]) {
      const path = join(folder, as);
      writeFileSync(path, fileOf(file));
      expect((await readImage(path)).data).toEqual((await decodeImage(fileOf(file), file)).data);
    }
  });
});

/** Fails unless the file is refused with a `PictureError` that names it. */
async function expectRefused(bytes: Uint8Array, what: string | RegExp = ""): Promise<void> {
  const refused = await decodeImage(bytes, "bad file").then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(refused).toBeInstanceOf(PictureError);
  expect((refused as Error).message).toMatch(/^picture "bad file": /);
  expect((refused as Error).message).toMatch(what);
}

describe("a malformed image file", () => {
  it.each(["444.jpg", "progressive.jpg", "rgba.png", "palette.gif", "lossy.webp", "deflate.tiff"])(
    "never gives a part of an image: %s cut at any place",
    async (name) => {
      const whole = fileOf(name);
      const expected = (await decodeImage(whole, name)).data;
      for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 150)) {
        const cut = whole.subarray(0, length);
        const outcome = await decodeImage(cut, name).catch((error: Error) => error);
        // A file may end early behind its pixels.
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(PictureError);
        else expect(outcome.data).toEqual(expected);
      }
    },
  );

  it("gives an image or a PictureError whatever byte is changed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.nat(), fc.nat(255), async (name, at, put) => {
        const bytes = Uint8Array.from(fileOf(name));
        bytes[at % bytes.length] = put;
        const outcome = await decodeImage(bytes, name).catch((error: Error) => error);
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(PictureError);
        else expect(outcome.data.length).toBe(outcome.width * outcome.height * 3);
      }),
    );
  });

  it.each<[string, Buffer | (() => Buffer), string]>([
    ["no bytes", Buffer.alloc(0), "found an empty file"],
    ["one byte", Buffer.from([0x89]), "found"],
    ["an HTML page", Buffer.from("<!doctype html><p>404"), "found an HTML page"],
    ["a HEIC picture", Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"), "found a HEIC picture"],
    ["a PNG without header", png(data(10), end), "a PNG picture"],
    ["a header of another length", png(chunk("IHDR", Buffer.alloc(12)), data(10), end), "a PNG picture"],
    ["no columns", png(header(0, 5), data(5), end), "a PNG picture"],
    ["2³¹ − 1 columns", png(header(2 ** 31 - 1, 1), data(9), end), "a PNG picture"],
    ["a depth of 3", png(header(4, 4, 3), data(20), end), "a PNG picture"],
    ["a colour type of 5", png(header(4, 4, 8, 5), data(20), end), "a PNG picture"],
    ["a palette image without palette", png(header(4, 4, 8, 3), data(20), end), "a PNG picture"],
    ["no pixels", png(header(4, 4), end), "a PNG picture"],
    ["too few pixels", png(header(4, 4), data(9), end), "a PNG picture"],
    ["a filter of 9", png(header(2, 1), chunk("IDAT", deflateSync(Buffer.from([9, 1, 2]))), end), "a PNG picture"],
    ["a chunk of 2³² − 1 bytes", png(header(4, 4), Buffer.from("ffffffff49444154", "hex")), "a PNG picture"],
    ["a wrong checksum", () => flip(png(header(4, 4), data(20), end), -14), "a PNG picture"],
    ["JPEG of which only the start is there", Buffer.from("ffd8ffe000104a464946", "hex"), "a JPEG picture"],
    ["JPEG of 65,500 × 65,500", () => resized(fileOf("444.jpg"), 65_500), "of more than 64000000 pixels"],
    ["JPEG of 65,535 × 65,535", () => resized(fileOf("444.jpg"), 65_535), "a JPEG picture"],
    ["JPEG of 0 × 0", () => resized(fileOf("444.jpg"), 0), "a JPEG picture"],
  ])("is refused by name: %s", async (_, bytes, what) => {
    await expectRefused(typeof bytes === "function" ? bytes() : bytes, what);
  });

  it("is refused before it is decoded if it has too many samples", async () => {
    const large = png(header(5300, 5300, 8, 2), data(100), end); // 84 MB, of which the file has 100 bytes
    await expectRefused(large, "5300 × 5300 pixels; the most that are read of its kind are 2");
    await expectRefused(png(header(4000, 4000, 16, 2), data(100), end), "4000 × 4000 pixels");
    await expectRefused(png(header(5000, 5000, 8, 2), data(100), end), "damaged or cut short");
  });

  it("costs little if it has 2,000 scans", async () => {
    const whole = Buffer.from(fileOf("progressive.jpg"));
    const scan = whole.lastIndexOf(Buffer.from("ffda", "hex"));
    const scans = Array.from({ length: 2000 }, () => whole.subarray(scan, -2));
    const bytes = Buffer.concat([whole.subarray(0, scan), ...scans, Buffer.from("ffd9", "hex")]);
    let outcome: Promise<unknown> = Promise.resolve();
    expect(cpuTime(() => (outcome = decodeImage(bytes, "scans.jpg").catch((error: Error) => error)))).toBeLessThan(
      2000,
    );
    expect(await outcome).toBeInstanceOf(PictureError);
  });

  it("is refused unopened if it is not a regular file", async () => {
    const [pipe, device] = [join(folder, "pipe.png"), join(folder, "zero.png")];
    execFileSync("mkfifo", [pipe]);
    symlinkSync("/dev/zero", device);
    for (const path of [pipe, device, folder]) {
      await expect(readImage(path)).rejects.toThrow(PictureError);
      await expect(readImage(path)).rejects.toThrow(`picture "${path}": found`);
    }
    await expect(readImage(join(folder, "none.png"))).rejects.toMatchObject({ kind: "missing" });
  });
});

function flip(bytes: Buffer, at: number): Buffer {
  bytes[bytes.length + at] ^= 1;
  return bytes;
}

/** A JPEG file with another size in its frame header. */
function resized(jpeg: Uint8Array, side: number): Buffer {
  const bytes = Buffer.from(jpeg);
  const frame = bytes.indexOf(Buffer.from("ffc0", "hex"));
  bytes.writeUInt16BE(side, frame + 5);
  bytes.writeUInt16BE(side, frame + 7);
  return bytes;
}
