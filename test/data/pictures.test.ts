import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import fc from "fast-check";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { decodePicture, readPicture } from "../../src/data/index.ts";
import { tooMuchSvg } from "../../src/data/svgBudget.ts";
import { cpuTime } from "../support/cpuTime.ts";

const folder = mkdtempSync(join(tmpdir(), "pictures-"));
afterAll(() => rmSync(folder, { recursive: true }));
const write = (name: string, bytes: Uint8Array | string): string => {
  const file = join(folder, name);
  writeFileSync(file, bytes);
  return file;
};

const pixelsOf = async (...of: Parameters<typeof decodePicture>) => (await decodePicture(...of)).pixels;
const pixelsIn = async (...of: Parameters<typeof readPicture>) => (await readPicture(...of)).pixels;

/** A red disc of radius 20 at (x, y) on 100 × 80, on a background or on nothing. */
const disc = (x: number, y: number, background = "none") =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="100" height="80"><rect width="100" height="80" fill="${background}"/><circle cx="${x}" cy="${y}" r="20" fill="#f00"/></svg>`,
  );
const png = (svg: Buffer) => sharp(svg).png().toBuffer();
/** A PNG file of one bit per pixel. */
function blackPng(width: number, height: number): Buffer {
  const chunk = (type: string, data: Buffer): Buffer => {
    const bytes = Buffer.alloc(12 + data.length);
    bytes.writeUInt32BE(data.length, 0);
    bytes.write(type, 4, "latin1");
    bytes.set(data, 8);
    bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
    return bytes;
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 1;
  const rows = Buffer.alloc((1 + Math.ceil(width / 8)) * height);
  const parts = [chunk("IHDR", header), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))];
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), ...parts]);
}
const meanGap = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + Math.abs(v - b[i]), 0) / a.length;

describe("readPicture", () => {
  it("finds the content at any position, on a transparent or plain background, in any format", async () => {
    const expected = await pixelsOf(disc(50, 40), "disc.svg");
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
      expect(meanGap(await pixelsIn(write(name, bytes)), expected), name).toBeLessThan(0.06);
    }
  });

  it("scales the content to 0.88 of the side, on white", async () => {
    const side = 32;
    const pixels = await pixelsOf(disc(50, 40), "disc.svg", { side });
    const green = (x: number, y: number) => pixels[(y * side + x) * 3 + 1];
    expect(green(0, 0)).toBe(0);
    expect(green(16, 16)).toBeCloseTo(2, 1);
    // Row 16 crosses the disc along its diameter: 0.88 · 32 = 28.2 pixels of full ink.
    let width = 0;
    for (let x = 0; x < side; x++) width += green(x, 16) / 2;
    expect(width).toBeGreaterThan(27);
    expect(width).toBeLessThan(29);
  });

  it("keeps a picture of one colour whole, and the colour of a plain background", async () => {
    const red = await pixelsOf(await png(disc(50, 40, "#f00")), "red.png");
    expect([...red.subarray((16 * 32 + 16) * 3, (16 * 32 + 16) * 3 + 3)]).toEqual([0, 2, 2]);
    const onBlack = await pixelsOf(await png(disc(50, 40, "#000")), "black.png");
    const corner = (4 * 32 + 4) * 3; // inside the square around the disc, outside the disc
    for (let c = 0; c < 3; c++) expect(onBlack[corner + c]).toBeCloseTo(2, 1);
  });

  it("keeps a photograph whole, letterboxed on white", async () => {
    const noise = Buffer.from(Array.from({ length: 64 * 32 * 3 }, (_, i) => (i * 7919) % 256));
    const photo = await sharp(noise, { raw: { width: 64, height: 32, channels: 3 } })
      .png()
      .toBuffer();
    const pixels = await pixelsOf(photo, "photo.png");
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
    const expected = await pixelsOf(upright, "upright.png");
    const turned = await sharp(upright).rotate(90).jpeg({ quality: 98 }).withMetadata({ orientation: 8 }).toBuffer();
    expect(meanGap(await pixelsOf(turned, "turned.jpg"), expected)).toBeLessThan(0.06);
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
    const plain = await pixelsOf(await png(disc(50, 40, "#fff")), "plain.png");
    expect(meanGap(await pixelsOf(deep, "deep.png"), plain)).toBeLessThan(0.02);
    expect(meanGap(await pixelsOf(palette, "palette.png"), plain)).toBeLessThan(0.02);
    expect((await pixelsOf(grey, "grey.png")).length).toBe(32 * 32 * 3);
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
    await expect(pixelsIn(file)).rejects.toThrow(found);
    await expect(pixelsIn(file)).rejects.toThrow(`picture "${file}"`);
    await expect(pixelsIn(file)).rejects.toMatchObject({ name: "PictureError" });
  });

  it("refuses a directory, a missing file and a transparent picture", async () => {
    await expect(pixelsIn(folder)).rejects.toThrow("found a directory");
    await expect(pixelsIn(join(folder, "no.png"))).rejects.toThrow("there is no such file");
    const nothing = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    await expect(pixelsOf(nothing, "nothing.svg")).rejects.toThrow("it is fully transparent");
  });

  it.each(["png", "jpeg", "webp"] as const)("never shows part of a truncated %s", async (format) => {
    const noise = Buffer.from(Array.from({ length: 48 * 48 * 3 }, (_, i) => (i * i * 31) % 251));
    const whole = await sharp(noise, { raw: { width: 48, height: 48, channels: 3 } })
      .toFormat(format)
      .toBuffer();
    for (const share of [0.05, 0.5, 0.9]) {
      const part = whole.subarray(0, Math.floor(whole.length * share));
      await expect(pixelsOf(part, `cut.${format}`)).rejects.toMatchObject({ name: "PictureError" });
    }
  });

  it("shows all of a damaged PNG or none of it, for every truncation and a flipped bit in every byte", async () => {
    const whole = await png(
      Buffer.from(disc(5, 5).toString().replace('width="100" height="80"', 'width="10" height="10"')),
    );
    const expected = await pixelsOf(whole, "whole.png");
    const damaged = [...whole.keys()].flatMap((at) => {
      const flipped = Buffer.from(whole);
      flipped[at] ^= 1 << (at % 8);
      return [whole.subarray(0, at), flipped];
    });
    let refused = 0;
    for (const bytes of damaged) {
      try {
        expect(await pixelsOf(bytes, "damaged.png")).toEqual(expected);
      } catch (error) {
        expect(error).toMatchObject({ name: "PictureError" });
        refused++;
      }
    }
    // Only the end marker may be missing, 12 bytes without pixels.
    expect(refused).toBeGreaterThan(damaged.length * 0.75);
  });

  it("returns pixels or throws a PictureError for any bytes", async () => {
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
        const outcome = await pixelsOf(bytes, "any").catch((error: Error) => error.name);
        expect(outcome === "PictureError" || outcome.length === 32 * 32 * 3).toBe(true);
      }),
    );
  });

  it("refuses a picture of too many pixels, however few bytes it has", async () => {
    // One bit per pixel, all zero: 65,000,000 pixels in some kilobytes, in a valid file.
    await expect(pixelsOf(blackPng(65_000, 1000), "large.png")).rejects.toThrow(
      'picture "large.png": a PNG picture of more than 64000000 pixels; reduce it first',
    );
    expect(await pixelsOf(blackPng(6500, 100), "less.png")).toHaveLength(32 * 32 * 3);
  });

  it("reads an AVIF picture of the brand mif1 and a BigTIFF, and does not call a HEIC picture a video", async () => {
    const red = sharp(disc(50, 40, "#fff"));
    const avif = await red.clone().avif({ quality: 90 }).toBuffer();
    avif.write("mif1", 8, "latin1");
    const expected = await pixelsOf(disc(50, 40), "disc.svg");
    expect(meanGap(await pixelsOf(avif, "a.avif"), expected)).toBeLessThan(0.06);
    const bigTiff = await red.clone().tiff({ bigtiff: true, compression: "none" }).toBuffer();
    expect(meanGap(await pixelsOf(bigTiff, "a.tiff"), expected)).toBeLessThan(0.06);
    for (const [brands, found] of [
      ["heic\0\0\0\0mif1heic", "a HEIC picture"],
      ["mif1\0\0\0\0miafheic", "a HEIC picture"],
      ["isom\0\0\0\0isomavc1", "a video"],
    ]) {
      const bytes = Buffer.from(`\0\0\0\x18ftyp${brands}more`, "latin1");
      await expect(pixelsOf(bytes, "any")).rejects.toThrow(`found ${found}`);
    }
  });

  it("draws an SVG that is one unit wide and 4,000 high", async () => {
    const line = Buffer.from(
      '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="4000"><rect width="1" height="4000" fill="#f00"/></svg>',
    );
    const pixels = await pixelsOf(line, "line.svg");
    const green = (x: number, y: number) => pixels[(y * 32 + x) * 3 + 1];
    expect(Math.max(green(15, 16), green(16, 16))).toBeGreaterThan(0);
    expect(green(4, 16)).toBe(0);
  });
});

describe("a JPEG file with faults that affect no pixel", () => {
  const noise = Buffer.from(Array.from({ length: 64 * 48 * 3 }, (_, i) => (i * i * 31) % 251));
  let whole: Buffer;
  let expected: Float32Array;
  beforeAll(async () => {
    whole = await sharp(noise, { raw: { width: 64, height: 48, channels: 3 } })
      .jpeg({ quality: 90 })
      .toBuffer();
    expected = await pixelsOf(whole, "whole.jpg");
  });
  /** Where a segment begins; markers of one kind only. */
  const segment = (marker: number): number => {
    let at = 2;
    while (whole[at + 1] !== marker) at += 2 + whole.readUInt16BE(at + 2);
    return at;
  };
  const at = (place: number, value: number): Buffer => {
    const bytes = Buffer.from(whole);
    bytes[place] = value;
    return bytes;
  };
  const faults: Readonly<Record<string, () => Buffer>> = {
    "an end of the spectral selection of 0": () => at(segment(0xda) + whole.readUInt16BE(segment(0xda) + 2), 0),
    "18 spaces before the frame header": () => {
      const frame = segment(0xc0);
      return Buffer.concat([whole.subarray(0, frame), Buffer.alloc(18, 0x20), whole.subarray(frame)]);
    },
    "no end mark": () => whole.subarray(0, -2),
    "a version of JFIF to come": () =>
      Buffer.concat([
        whole.subarray(0, 2),
        Buffer.from("\xff\xe0\0\x10JFIF\0\x02\0\0\0\x01\0\x01\0\0", "latin1"),
        whole.subarray(2),
      ]),
    "bytes after the end mark": () => Buffer.concat([whole, Buffer.from("trailer")]),
  };

  it.each(Object.keys(faults))("is read to the last pixel: %s", async (fault) => {
    expect(await pixelsOf(faults[fault](), "phone.jpg")).toEqual(expected);
  });

  it("is still refused if truncated, with or without an added end marker", async () => {
    const end = Buffer.from([0xff, 0xd9]);
    for (const fault of Object.values(faults)) {
      const bytes = fault();
      for (const share of [0.3, 0.7, 0.9]) {
        const cut = bytes.subarray(0, Math.floor(bytes.length * share));
        await expect(pixelsOf(cut, "cut.jpg")).rejects.toMatchObject({ name: "PictureError", kind: "damaged" });
        await expect(pixelsOf(Buffer.concat([cut, end]), "cut.jpg")).rejects.toMatchObject({ name: "PictureError" });
      }
    }
  });

  it("is refused without its last three bytes, also if it is large and decoded in part", async () => {
    const large = await sharp(whole).resize(1200, 900).jpeg({ quality: 80 }).toBuffer();
    await expect(pixelsOf(large.subarray(0, -2), "large.jpg")).resolves.toHaveLength(32 * 32 * 3);
    await expect(pixelsOf(large.subarray(0, -6), "large.jpg")).rejects.toMatchObject({ kind: "damaged" });
  });

  it("is refused if data of its last rows are missing, and only then", async () => {
    const full = await sharp(whole).resize(40, 24).jpeg({ quality: 90, chromaSubsampling: "4:4:4" }).toBuffer();
    for (let cut = 3; cut < 40; cut++) {
      await expect(pixelsOf(full.subarray(0, -cut), "cut.jpg")).rejects.toMatchObject({ kind: "damaged" });
    }
    await expect(pixelsOf(full.subarray(0, -2), "whole.jpg")).resolves.toEqual(await pixelsOf(full, "whole.jpg"));
  });

  it("makes the reader throw only PictureError, for any headers", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(700), fc.uint8Array({ minLength: 1, maxLength: 4 }), async (place, put) => {
        const bytes = Buffer.from(whole);
        bytes.set(put, Math.min(place, bytes.length - 4));
        const outcome = await pixelsOf(bytes, "any.jpg").catch((error: Error) => error.name);
        expect(outcome === "PictureError" || outcome.length === 32 * 32 * 3).toBe(true);
      }),
    );
  });
});

describe("an SVG document that is too expensive", () => {
  const svg = (body: string) =>
    Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">${body}</svg>`);
  const nested = (levels: number): string => {
    let body = '<g id="a0"><rect width="3" height="3"/></g>';
    for (let i = 1; i <= levels; i++) body += `<g id="a${i}">${`<use href="#a${i - 1}"/>`.repeat(10)}</g>`;
    return `<defs>${body}</defs><use href="#a${levels}"/>`;
  };

  it.each([
    ["elements by the ten thousand", svg('<rect width="3" height="3"/>'.repeat(21_000)), "more than 20000 elements"],
    ["a few references, nested", svg(nested(5)), "more than 20000 elements"],
    [
      "nested references and a comment that seems to end a group",
      svg(nested(5).replaceAll('"><use', '"><!--</g>--><use')),
      "more than 20000 elements",
    ],
    [
      "steps of a filter",
      svg(`<filter id="f"><feGaussianBlur/></filter>${'<rect filter="url(#f)"/>'.repeat(300)}`),
      "elements",
    ],
    ["entities", Buffer.from(`<?xml version="1.0"?><!DOCTYPE svg [<!ENTITY a "<rect/>">]>${svg("&a;")}`), "entities"],
    ["a great depth", svg("<g>".repeat(10_000)), "elements more than 256 deep"],
    ["many bytes", svg(`<!--${"-".repeat(1_100_000)}-->`), "bytes of SVG, more than 1048576"],
    [
      "a long chain of references",
      svg(Array.from({ length: 5000 }, (_, i) => `<g id="a${i}"><use href="#a${i + 1}"/></g>`).join("")),
      "elements",
    ],
  ])("is refused before it is drawn: %s", async (_, bytes, why) => {
    const spent = cpuTime(() => expect(tooMuchSvg(bytes)).toContain(why));
    expect(spent).toBeLessThan(2000);
    await expect(pixelsOf(bytes, "bomb.svg")).rejects.toThrow("convert it to PNG first");
  });

  it("does not include ordinary drawings, nor circular references", async () => {
    expect(tooMuchSvg(svg(nested(3)))).toBeUndefined();
    expect(tooMuchSvg(svg('<path d="M0 0L9 9"/>'.repeat(5000)))).toBeUndefined();
    expect(tooMuchSvg(svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>'))).toBeUndefined();
    expect(await pixelsOf(svg(nested(2)), "nested.svg")).toHaveLength(32 * 32 * 3);
  });

  it("is checked in linear time", () => {
    for (const part of ["<", "<a ", '<a "', "<!--", "<a b='", "</a>", "<!ENTITY ", '<a b="#', "url(#"]) {
      const hostile = Buffer.from(part.repeat(Math.floor(1e6 / part.length)));
      expect(
        cpuTime(() => tooMuchSvg(hostile)),
        part,
      ).toBeLessThan(3000);
    }
  });
});

describe("trimming", () => {
  const grey = sharp({ create: { width: 400, height: 300, channels: 3, background: "#808080" } });
  const dot = sharp({ create: { width: 1, height: 1, channels: 3, background: "#fff" } }).png();
  const night = Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="300"><rect width="400" height="300" fill="#050510"/><circle cx="300" cy="80" r="70" fill="#ffc"/></svg>',
  );

  it("leaves a grey picture with one white pixel whole", async () => {
    const bytes = await grey
      .clone()
      .composite([{ input: await dot.toBuffer(), left: 200, top: 150 }])
      .png()
      .toBuffer();
    const { pixels, cutOff } = await decodePicture(bytes, "grey.png");
    expect(cutOff).toBe(0);
    expect(pixels[(16 * 32 + 8) * 3]).toBeCloseTo(2 * (1 - 0x80 / 255), 1);
  });

  it("leaves a photograph of a moon in a night sky whole", async () => {
    for (const format of ["jpeg", "avif"] as const) {
      expect((await decodePicture(await sharp(night).toFormat(format).toBuffer(), `night.${format}`)).cutOff).toBe(0);
    }
    const small = Buffer.from(night.toString().replace('r="70"', 'r="20"'));
    expect((await decodePicture(await png(small), "night.png")).cutOff).toBe(0);
  });

  it("cuts drawings to their content, and reports how much was cut off", async () => {
    for (const [name, bytes] of [
      ["alpha.png", await png(disc(30, 50))],
      ["blue.png", await png(disc(30, 50, "#00f"))],
      [
        "white.jpg",
        await sharp(disc(30, 50, "#fff"))
          .jpeg({ quality: 95 })
          .toBuffer(),
      ],
    ] as const) {
      expect((await decodePicture(bytes, name)).cutOff, name).toBeCloseTo(1 - 40 ** 2 / (100 * 80), 1);
    }
  });

  it("keeps every picture whole if the model was not trained on trimmed ones", async () => {
    const { pixels, cutOff } = await decodePicture(await png(disc(50, 40)), "disc.png", { trim: false });
    expect(cutOff).toBe(0);
    let width = 0;
    for (let x = 0; x < 32; x++) width += pixels[(16 * 32 + x) * 3 + 1] / 2;
    expect(width).toBeGreaterThan(0.4 * 0.88 * 32 - 1); // 40 of 100 pixels
    expect(width).toBeLessThan(0.4 * 0.88 * 32 + 1);
  });
});
