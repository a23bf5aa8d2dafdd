/**
 * Picture files of the user as model input, prepared like training pictures.
 *
 *   file → RGBA → square around the content → 48 × 48 → view on white
 *
 * For models trained on trimmed drawings, transparent borders are cut off; an opaque picture is cut to the part that differs
 * from a plain border (in JPEG and AVIF files, which cameras write, only a white one) if that part covers at least a tenth of
 * the area. All other pictures stay whole.
 *
 * `readSiglipPicture` prepares a picture for the released SigLIP models instead (siglipPixels.ts).
 */
import { open, readFile, stat } from "node:fs/promises";
import type { Sharp } from "sharp";
import { printable } from "../formats/index.ts";
import { drawView, plainView } from "./augment.ts";
import { mendJpeg } from "./jpeg.ts";
import { loadSharp } from "./packages.ts";
import type { Crop } from "./resample.ts";
import { siglipPixels } from "./siglipPixels.ts";
import { SNIFFED, type Sniffed, sniff } from "./sniff.ts";
import { contentSquare, STORED, storedPicture, wholeSquare } from "./storedPicture.ts";
import { tooMuchSvg } from "./svgBudget.ts";

/** A picture that cannot be read; the message names the file, what was found in it and what to do. */
export class PictureError extends Error {
  override readonly name = "PictureError";
  /** The kind of file found, as in `sniff`; "damaged" for a picture, "missing" for no file. */
  readonly kind: string;

  constructor(message: string, kind: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_PIXELS = 64e6;
/** The longer side is reduced to this before the content is located. */
const WORKING = 256;
/** Largest difference of a channel, of 255, within a plain background. */
const PLAIN = 24;

/** Smallest share of an opaque picture that counts as a drawing on a plain background. */
const LEAST_CONTENT = 0.1;
/** Kinds that cameras write: in a photograph, a dark sky is not a background. */
const CAMERA = ["jpeg", "avif"];

const READABLE = "a PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG file";

/** A file name for a message; control characters do not reach the terminal. */
const quoted = (name: string): string => `"${printable(name.length > 200 ? `…${name.slice(-200)}` : name)}"`;

/** Turns errors of the file system into `PictureError`. */
async function reading<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined) throw cause;
    const isMissing = code === "ENOENT" || code === "ENOTDIR";
    const why = isMissing ? "there is no such file" : `it cannot be read (${code})`;
    const kind = isMissing ? "missing" : "damaged";
    throw new PictureError(`picture ${quoted(file)}: ${why}; give the path of ${READABLE}`, kind, { cause });
  }
}

async function requireRegularFile(file: string): Promise<{ size: number }> {
  const info = await reading(file, () => stat(file));
  if (info.isFile()) return info;
  const what = info.isDirectory() ? "a directory" : "not a regular file";
  throw new PictureError(`picture ${quoted(file)}: found ${what}; give the path of ${READABLE}`, "other");
}

/** The kind of a file, by its first bytes. Throws `PictureError`. */
export async function sniffFile(file: string): Promise<Sniffed> {
  await requireRegularFile(file);
  return reading(file, async () => {
    const handle = await open(file);
    try {
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(SNIFFED), 0, SNIFFED, 0);
      return sniff(buffer.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
  });
}

async function bytesOf(file: string): Promise<Uint8Array> {
  const { size } = await requireRegularFile(file);
  if (size > MAX_BYTES) {
    const detail = `${size} bytes, more than ${MAX_BYTES}; reduce it first`;
    throw new PictureError(`picture ${quoted(file)}: ${detail}`, "damaged");
  }
  return reading(file, () => readFile(file));
}

interface Decoded {
  readonly kind: string;
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Decodes with `finish` applied. Throws `PictureError`. */
async function decode(
  file: Uint8Array,
  name: string,
  channels: 3 | 4,
  finish: (picture: Sharp) => Sharp,
): Promise<Decoded> {
  const { kind, what, is } = sniff(file);
  if (is !== "readable") throw new PictureError(`picture ${quoted(name)}: found ${what}; give ${READABLE}`, kind);
  const tooMuch = kind === "svg" ? tooMuchSvg(file) : undefined;
  if (tooMuch !== undefined)
    throw new PictureError(`picture ${quoted(name)}: ${what} with ${tooMuch}; convert it to PNG first`, "damaged");
  const sharp = await loadSharp("picture");
  const { bytes, endAdded } = kind === "jpeg" ? mendJpeg(file) : { bytes: file, endAdded: false };
  const open = (density?: number) =>
    sharp(bytes, { limitInputPixels: MAX_PIXELS, ...(density === undefined ? {} : { density }) });
  try {
    // A reduced JPEG is decoded in part: only a full decode shows whether more than the end marker is missing.
    if (endAdded) await open().raw().toBuffer();
    let input = open();
    if (kind === "svg") {
      const { width, height } = await input.metadata();
      input = open(densityOf(width, height));
    }
    // Orientation first: cameras store it beside the pixels.
    const upright = finish(input.autoOrient().toColourspace("srgb"));
    const raw = (channels === 4 ? upright.ensureAlpha() : upright.removeAlpha()).raw({ depth: "uchar" });
    const { data, info } = await raw.toBuffer({ resolveWithObject: true });
    return { kind, data, width: info.width, height: info.height };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n")[0].slice(0, 200) : String(cause);
    if (/exceeds pixel limit/.test(why)) {
      const most = `more than ${MAX_PIXELS} pixels`;
      throw new PictureError(`picture ${quoted(name)}: ${what} of ${most}; reduce it first`, "damaged", { cause });
    }
    throw new PictureError(
      `picture ${quoted(name)}: ${what}, damaged or cut short (${printable(why)}); get it again or convert it`,
      "damaged",
      { cause },
    );
  }
}

/**
 * Dots per inch for a drawing of width × height units of 1/72 inch: makes the longer side the working size, because drawings are
 * often only a few units large, and the shorter side at least a pixel.
 */
const densityOf = (width: number, height: number): number =>
  Math.min(2400, Math.max(1, (72 * WORKING) / Math.max(width, height), 72 / Math.min(width, height)));

const isOpaque = ({ data }: Decoded): boolean => {
  for (let i = 3; i < data.length; i += 4) if (data[i] <= PLAIN) return false;
  return true;
};

/** The square around what differs from the border, if the border has about one colour and the drawing is large enough. */
function onPlainBackground({ kind, data, width, height }: Decoded): Crop | undefined {
  const corner = CAMERA.includes(kind) ? [255, 255, 255] : data;
  const differs = (at: number): boolean => [0, 1, 2].some((c) => Math.abs(data[at + c] - corner[c]) > PLAIN);
  for (let x = 0; x < width; x++) if (differs(x * 4) || differs(((height - 1) * width + x) * 4)) return undefined;
  for (let y = 0; y < height; y++) {
    if (differs(y * width * 4) || differs((y * width + width - 1) * 4)) return undefined;
  }
  const mask = Uint8Array.from(data); // slice() of a Buffer shares its bytes
  for (let at = 0; at < data.length; at += 4) if (!differs(at)) mask[at + 3] = 0;
  const square = contentSquare(mask, width, height);
  return square !== undefined && square.side ** 2 >= LEAST_CONTENT * width * height ? square : undefined;
}

/** A picture as model input. */
export interface PreparedPicture {
  /** Model input, [side, side, 3]. */
  readonly pixels: Float32Array;
  /** Share of the area that was cut off around the content. */
  readonly cutOff: number;
}

/** Options of `readPicture` and `decodePicture`. */
export interface PreparePicture {
  /** Side of the result, in pixels; 32 by default. */
  readonly side?: number;
  /** Whether a drawing is cut to its content, as in the training data; true by default. */
  readonly trim?: boolean;
}

/** Decodes the bytes of a picture file; `name` is for messages. Throws `PictureError`. */
export async function decodePicture(
  bytes: Uint8Array,
  name: string,
  { side = 32, trim = true }: PreparePicture = {},
): Promise<PreparedPicture> {
  const decoded = await decode(bytes, name, 4, (picture) =>
    picture.resize(WORKING, WORKING, { fit: "inside", withoutEnlargement: true }),
  );
  const { data, width, height } = decoded;
  const whole = wholeSquare(width, height);
  const opaque = isOpaque(decoded);
  const content = opaque ? whole : contentSquare(data, width, height);
  if (content === undefined)
    throw new PictureError(
      `picture ${quoted(name)}: it is fully transparent; give a picture with visible content`,
      "transparent",
    );
  const trimmed = opaque ? (onPlainBackground(decoded) ?? whole) : content;
  const crop = trim ? trimmed : whole;
  const pixels = new Float32Array(side * side * 3);
  drawView(storedPicture(data, width, height, crop), STORED, plainView, side, pixels, 0);
  return { pixels, cutOff: 1 - visible(crop, width, height) };
}

/** Share of the picture's area inside a crop. */
function visible({ left, top, side }: Crop, width: number, height: number): number {
  const overlap = (from: number, size: number): number => Math.min(size, from + side) - Math.max(0, from);
  return (overlap(left, width) * overlap(top, height)) / (width * height);
}

/** Reads a picture file as model input. Throws `PictureError`. */
export const readPicture = async (file: string, options?: PreparePicture): Promise<PreparedPicture> =>
  decodePicture(await bytesOf(file), file, options);

/** Reads a picture file as the released SigLIP models do: [resolution, resolution, 3] in −1..1. Throws `PictureError`. */
export async function readSiglipPicture(file: string, resolution: number): Promise<Float32Array> {
  const { data, width, height } = await decode(await bytesOf(file), file, 3, (picture) => picture);
  return siglipPixels(data, width, height, resolution);
}
