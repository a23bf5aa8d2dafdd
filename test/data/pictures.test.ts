import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { decodePicture, readPicture, readSiglipPicture, siglipPixels } from "../../src/data/index.ts";
import { Goldens, goldenJson } from "../support/goldens.ts";

const folder = mkdtempSync(join(tmpdir(), "pictures-"));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, bytes: Uint8Array | string): string => {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
};

/** A red disc of radius 20 at (x, y) on 100 × 80, on a background or on nothing. */
const disc = (x: number, y: number, background = "none") =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="80"><rect width="100" height="80" fill="${background}"/><circle cx="${x}" cy="${y}" r="20" fill="#f00"/></svg>`,
  );
const png = (svg: Buffer) => sharp(svg).png().toBuffer();
const meanGap = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + Math.abs(v - b[i]), 0) / a.length;

describe("readPicture", () => {
  it("finds the content wherever it is, on nothing or on a plain background, in any format", async () => {
    const expected = await decodePicture(disc(50, 40), "disc.svg");
    for (const [name, bytes] of [
      ["alpha.png", await png(disc(30, 50))],
      ["white.png", await png(disc(70, 30, "#fff"))],
      [
        "white.jpg",
        await sharp(disc(70, 30, "#fff"))
          .jpeg({ quality: 95 })
          .toBuffer(),
      ],
      ["alpha.webp", await sharp(disc(30, 50)).webp({ lossless: true }).toBuffer()],
      ["a PNG named.jpg", await png(disc(30, 50))],
    ] as const) {
      expect(meanGap(await readPicture(write(name, bytes)), expected), name).toBeLessThan(0.06);
    }
  });

  it("scales the content to 0.88 of the side, on white", async () => {
    const side = 32;
    const pixels = await decodePicture(disc(50, 40), "disc.svg", side);
    const green = (x: number, y: number) => pixels[(y * side + x) * 3 + 1];
    expect(green(0, 0)).toBe(0);
    expect(green(16, 16)).toBeCloseTo(2, 1);
    // Row 16 crosses the disc along its diameter: 0.88 · 32 = 28.2 pixels of full ink.
    let width = 0;
    for (let x = 0; x < side; x++) width += green(x, 16) / 2;
    expect(width).toBeGreaterThan(27);
    expect(width).toBeLessThan(29);
  });

  it("takes a picture of one colour whole, and keeps the colour of a plain background", async () => {
    const red = await decodePicture(await png(disc(50, 40, "#f00")), "red.png");
    expect([...red.subarray((16 * 32 + 16) * 3, (16 * 32 + 16) * 3 + 3)]).toEqual([0, 2, 2]);
    const onBlack = await decodePicture(await png(disc(50, 40, "#000")), "black.png");
    const corner = (4 * 32 + 4) * 3; // inside the square around the disc, outside the disc
    for (let c = 0; c < 3; c++) expect(onBlack[corner + c]).toBeCloseTo(2, 1);
  });

  it("takes a photograph whole, letterboxed on white", async () => {
    const noise = Buffer.from(Array.from({ length: 64 * 32 * 3 }, (_, i) => (i * 7919) % 256));
    const photo = await sharp(noise, { raw: { width: 64, height: 32, channels: 3 } })
      .png()
      .toBuffer();
    const pixels = await decodePicture(photo, "photo.png");
    const rowInk = (y: number) => pixels.subarray(y * 96, (y + 1) * 96).reduce((a, b) => a + b, 0);
    expect(rowInk(4)).toBe(0);
    expect(rowInk(16)).toBeGreaterThan(20);
    expect(rowInk(28)).toBe(0);
  });

  it("turns a picture upright by its EXIF orientation", async () => {
    const upright = await sharp(disc(30, 20, "#eee"))
      .extend({ right: 60, background: "#08f" })
      .png()
      .toBuffer();
    const expected = await decodePicture(upright, "upright.png");
    const turned = await sharp(upright).rotate(90).jpeg({ quality: 98 }).withMetadata({ orientation: 8 }).toBuffer();
    expect(meanGap(await decodePicture(turned, "turned.jpg"), expected)).toBeLessThan(0.06);
  });

  it("reads grey, 16-bit and palette pictures", async () => {
    const grey = await sharp(disc(50, 40, "#fff"))
      .greyscale()
      .png()
      .toBuffer();
    const deep = await sharp(disc(50, 40, "#fff"))
      .toColourspace("rgb16")
      .png()
      .toBuffer();
    const palette = await sharp(disc(50, 40, "#fff"))
      .png({ palette: true })
      .toBuffer();
    const plain = await decodePicture(await png(disc(50, 40, "#fff")), "plain.png");
    expect(meanGap(await decodePicture(deep, "deep.png"), plain)).toBeLessThan(0.02);
    expect(meanGap(await decodePicture(palette, "palette.png"), plain)).toBeLessThan(0.02);
    expect((await decodePicture(grey, "grey.png")).length).toBe(32 * 32 * 3);
  });

  it.each([
    ["empty.png", "", "found an empty file"],
    ["page.jpg", "\n<!DOCTYPE html><html>404", "found an HTML page (an error page saved as a picture?)"],
    ["pointer.png", "version https://git-lfs.github.com/spec/v1\n", "found a Git LFS pointer"],
    ["scan.png", "%PDF-1.7", "found a PDF document"],
    ["data.png", '{"a":1}', "found JSON"],
    ["note.txt", "hello", "found text"],
    ["noise.png", "\u0001\u0002\u0003", "found an unknown format"],
    ["old.bmp", "BM\0\0\0\0", "found a BMP picture"],
  ])("names what it found instead of a picture in %s", async (name, bytes, found) => {
    const file = write(name, bytes);
    await expect(readPicture(file)).rejects.toThrow(found);
    await expect(readPicture(file)).rejects.toThrow(`picture ${JSON.stringify(file)}`);
    await expect(readPicture(file)).rejects.toMatchObject({ name: "PictureError" });
  });

  it("refuses a directory, a missing file and a transparent picture", async () => {
    await expect(readPicture(folder)).rejects.toThrow("found a directory");
    await expect(readPicture(join(folder, "no.png"))).rejects.toThrow("there is no such file");
    const nothing = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(decodePicture(nothing, "nothing.svg")).rejects.toThrow("all of it is transparent");
  });

  it.each(["png", "jpeg", "webp"] as const)("never shows part of a truncated %s", async (format) => {
    const noise = Buffer.from(Array.from({ length: 48 * 48 * 3 }, (_, i) => (i * i * 31) % 251));
    const whole = await sharp(noise, { raw: { width: 48, height: 48, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    for (const share of [0.05, 0.5, 0.9]) {
      const part = whole.subarray(0, Math.floor(whole.length * share));
      await expect(decodePicture(part, `cut.${format}`)).rejects.toMatchObject({ name: "PictureError" });
    }
  });

  it("shows all of a damaged PNG or none of it, for every truncation and a flipped bit in every byte", async () => {
    const whole = await png(
      Buffer.from(disc(5, 5).toString().replace('width="100" height="80"', 'width="10" height="10"')),
    );
    const expected = await decodePicture(whole, "whole.png");
    const damaged = [...whole.keys()].flatMap((at) => {
      const flipped = Buffer.from(whole);
      flipped[at] ^= 1 << (at % 8);
      return [whole.subarray(0, at), flipped];
    });
    let refused = 0;
    for (const bytes of damaged) {
      try {
        expect(await decodePicture(bytes, "damaged.png")).toEqual(expected);
      } catch (error) {
        expect(error).toMatchObject({ name: "PictureError" });
        refused++;
      }
    }
    // What may be missing is the mark of the end, 12 bytes that carry no pixels.
    expect(refused).toBeGreaterThan(damaged.length * 0.75);
  });

  it("answers any bytes with pixels or a PictureError", async () => {
    const start = fc.constantFrom(
      "\x89PNG\r\n\x1a\n",
      "\xff\xd8\xff",
      "RIFF\0\0\0\0WEBPVP8 ",
      "<svg ",
      "GIF89a",
      "II*\0",
      "",
    );
    await fc.assert(
      fc.asyncProperty(start, fc.uint8Array({ maxLength: 200 }), async (head, tail) => {
        const bytes = Buffer.concat([Buffer.from(head, "latin1"), tail]);
        const outcome = await decodePicture(bytes, "any").catch((error: Error) => error.name);
        expect(outcome === "PictureError" || outcome.length === 32 * 32 * 3).toBe(true);
      }),
    );
  });

  it("refuses a picture of too many pixels before it is decoded", async () => {
    const bomb = Buffer.from(await png(disc(50, 40)));
    bomb.writeUInt32BE(60000, 16); // width and height in IHDR
    bomb.writeUInt32BE(60000, 20);
    await expect(decodePicture(bomb, "bomb.png")).rejects.toThrow("damaged, cut short or too large");
  });
});

describe("siglipPixels", () => {
  const side = fc.integer({ min: 1, max: 9 });
  const picture = fc.tuple(side, side).chain(([width, height]) =>
    fc.record({
      width: fc.constant(width),
      height: fc.constant(height),
      rgb: fc.uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 }),
    }),
  );

  const goldens = new Goldens("big_vision/preprocess");
  const { images, ops } = goldenJson<{ images: [height: number, width: number][]; ops: Record<string, string> }>(
    "big_vision/preprocess",
  );
  const cases = Object.entries(ops).flatMap(([number, op]) =>
    images.map((size, i) => [op, size.join("×"), number, i] as const),
  );
  it.each(cases)("gives what big_vision does: %s of %s pixels", (op, _, number, i) => {
    const [height, width] = images[i];
    const resolution = Number(/^resize\((\d+)\)/.exec(op)?.[1]);
    const actual = siglipPixels(goldens.get(`in.${i}`).data as Uint8Array, width, height, resolution);
    const golden = goldens.get(`${number}.${i}`);
    const bytes = (values: ArrayLike<number>) => Array.from(values, (v) => Math.round(((v + 1) * 255) / 2));
    if (golden.data instanceof Float32Array) expect(actual).toEqual(golden.data);
    else expect(bytes(actual)).toEqual(Array.from(golden.data));
  });
  it("all 24 cases of the fixture are there", () => expect(cases.length).toBe(24));

  /** A byte as model input, in float32 steps. */
  const input = (byte: number): number => Math.fround(2 * Math.fround(byte / 255) - 1);

  it("is the identity at the same size", () => {
    const rgb = Uint8Array.from({ length: 27 }, (_, i) => i * 9);
    expect(siglipPixels(rgb, 3, 3, 3)).toEqual(Float32Array.from(rgb, input));
  });

  it("keeps a constant picture constant and never leaves the range of the input", () => {
    fc.assert(
      fc.property(picture, side, ({ rgb, width, height }, resolution) => {
        const out = siglipPixels(rgb, width, height, resolution);
        const [low, high] = [Math.min(...rgb), Math.max(...rgb)].map(input);
        expect(out.every((v) => v >= low && v <= high && v >= -1 && v <= 1)).toBe(true);
      }),
    );
  });

  it("halves 4 pixels to the two means, rounded down, without a look at other pixels", () => {
    const row = Uint8Array.from([10, 10, 10, 13, 13, 13, 200, 200, 200, 255, 255, 255]);
    const out = siglipPixels(row, 4, 1, 2);
    expect([out[0], out[3]]).toEqual([11, 227].map(input));
  });

  it("reads a file through the same door", async () => {
    const file = write("siglip.png", await png(disc(50, 40, "#fff")));
    const pixels = await readSiglipPicture(file, 16);
    expect(pixels.length).toBe(16 * 16 * 3);
    expect(pixels[0]).toBe(1);
  });
});
