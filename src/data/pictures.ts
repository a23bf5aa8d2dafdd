/**
 * A picture file of the user as model input, prepared like a training picture.
 *
 *   file → RGBA → square around the content → 48 × 48 → view on white
 *
 * The content is what is not transparent, or what differs from a plain background; a photograph has neither and is taken whole.
 * `readSiglipPicture` prepares a picture for the released SigLIP models instead, see siglipPixels.ts.
 */
import { readFile, stat } from "node:fs/promises";
import type { Sharp } from "sharp";
import { drawView, plainView } from "./augment.ts";
import { loadSharp } from "./packages.ts";
import { siglipPixels } from "./siglipPixels.ts";
import { sniff } from "./sniff.ts";
import { contentSquare, STORED, storedPicture } from "./storedPicture.ts";

/** A picture that cannot be read. The message names the file, what was found in it and what to do. */
export class PictureError extends Error {
  override readonly name = "PictureError";
}

const MAX_BYTES = 64 * 1024 * 1024;
const MAX_PIXELS = 64e6;
/** Longer side a picture is reduced to before its content is looked for. */
const WORKING = 256;
/** Differences of a channel, of 255, that still count as one plain background. */
const PLAIN = 24;

const READABLE = "a PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG file";

/** Control characters of a hostile file name do not reach the terminal. */
const quoted = (name: string): string => JSON.stringify(name.length > 200 ? `…${name.slice(-200)}` : name);

async function bytesOf(file: string): Promise<Uint8Array> {
  const info = await stat(file).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === "ENOENT" ? "there is no such file" : cause.message;
    throw new PictureError(`picture ${quoted(file)}: ${why}; give the path of ${READABLE}`, { cause });
  });
  if (!info.isFile()) {
    const what = info.isDirectory() ? "a directory" : "not a regular file";
    throw new PictureError(`picture ${quoted(file)}: found ${what}; give the path of ${READABLE}`);
  }
  if (info.size > MAX_BYTES) {
    throw new PictureError(`picture ${quoted(file)}: ${info.size} bytes, more than ${MAX_BYTES}; reduce it first`);
  }
  return readFile(file);
}

interface Decoded {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
}

/** Decodes with `finish` applied, or says what the file is instead of a picture. */
async function decode(
  bytes: Uint8Array,
  name: string,
  channels: 3 | 4,
  finish: (picture: Sharp) => Sharp,
): Promise<Decoded> {
  const { what, picture } = sniff(bytes);
  if (!picture) throw new PictureError(`picture ${quoted(name)}: found ${what}; give ${READABLE}`);
  const sharp = await loadSharp("picture");
  const open = (density?: number) =>
    sharp(bytes, { limitInputPixels: MAX_PIXELS, ...(density === undefined ? {} : { density }) });
  try {
    let input = open();
    if (what === "an SVG picture") {
      // Drawings are small by their own units: render them at the working size instead of enlarging pixels.
      const { width, height } = await input.metadata();
      input = open(Math.min(2400, Math.max(1, (72 * WORKING) / Math.max(width, height))));
    }
    // Orientation first: a camera writes it beside the pixels.
    const upright = finish(input.autoOrient().toColourspace("srgb"));
    const raw = (channels === 4 ? upright.ensureAlpha() : upright.removeAlpha()).raw({ depth: "uchar" });
    const { data, info } = await raw.toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split("\n")[0].slice(0, 200) : String(cause);
    throw new PictureError(
      `picture ${quoted(name)}: ${what}, damaged, cut short or too large (${why}); get it again or convert it`,
      { cause },
    );
  }
}

/**
 * Makes a plain background transparent for the search of the content, when all of the border is of about one colour.
 * Transparency of the picture's own comes first.
 */
function contentMask({ data, width, height }: Decoded): Uint8Array {
  const mask = Uint8Array.from(data); // slice() of a Buffer would share its bytes
  let isOpaque = true;
  for (let i = 3; i < data.length; i += 4) isOpaque &&= data[i] > PLAIN;
  if (!isOpaque) return mask;
  const differs = (at: number): boolean => [0, 1, 2].some((c) => Math.abs(data[at + c] - data[c]) > PLAIN);
  for (let x = 0; x < width; x++) if (differs(x * 4) || differs(((height - 1) * width + x) * 4)) return mask;
  for (let y = 0; y < height; y++) if (differs(y * width * 4) || differs((y * width + width - 1) * 4)) return mask;
  for (let at = 0; at < data.length; at += 4) if (!differs(at)) mask[at + 3] = 0;
  return mask;
}

/** Encoded bytes of a picture as model input, [side, side, 3]; `name` is for messages. */
export async function decodePicture(bytes: Uint8Array, name: string, side = 32): Promise<Float32Array> {
  const decoded = await decode(bytes, name, 4, (picture) =>
    picture.resize(WORKING, WORKING, { fit: "inside", withoutEnlargement: true }),
  );
  const mask = contentMask(decoded);
  const crop = contentSquare(mask, decoded.width, decoded.height);
  const isBlank = crop === undefined && decoded.data.every((value, i) => i % 4 !== 3 || value <= PLAIN);
  if (isBlank)
    throw new PictureError(`picture ${quoted(name)}: all of it is transparent; give one that shows something`);
  const pixels = new Float32Array(side * side * 3);
  drawView(storedPicture(decoded.data, decoded.width, decoded.height, crop), STORED, plainView, side, pixels, 0);
  return pixels;
}

/** A picture file as model input, [side, side, 3]. */
export const readPicture = async (file: string, side = 32): Promise<Float32Array> =>
  decodePicture(await bytesOf(file), file, side);

/** A picture file as the released SigLIP models read it, [resolution, resolution, 3] in −1..1. */
export async function readSiglipPicture(file: string, resolution: number): Promise<Float32Array> {
  const { data, width, height } = await decode(await bytesOf(file), file, 3, (picture) => picture);
  return siglipPixels(data, width, height, resolution);
}
