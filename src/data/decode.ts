/** Decodes picture files, with limits on what a file may cost. */
import type { Sharp, SharpOptions } from "sharp";
import { printable } from "../formats/index.ts";
import type { Decoded } from "./decoded.ts";
import { mendJpeg, withExcessData } from "./jpeg.ts";
import { loadSharp } from "./packages.ts";
import { READABLE } from "./pictureBytes.ts";
import { PictureError, quoted } from "./pictureError.ts";
import { sniff } from "./sniff.ts";
import { tooMuchSvg } from "./svgBudget.ts";

const MAX_PIXELS = 64e6;
const LIMIT = { limitInputPixels: MAX_PIXELS };
/** The longer side of an SVG drawing, in pixels. */
const DRAWN = 256;

/** Chooses the form of a picture that was opened and is turned upright. */
type Convert = (picture: Sharp, kind: string) => Sharp | Promise<Sharp>;

/** Decodes the bytes of a picture file to 8 bits; `name` is for messages. Throws `PictureError`. */
export async function decode(
  file: Uint8Array,
  name: string,
  convert: Convert,
  options: SharpOptions = {},
): Promise<Decoded> {
  const { kind, what, is } = sniff(file);
  if (is !== "readable") throw new PictureError(`picture ${quoted(name)}: found ${what}; give ${READABLE}`, kind);
  const tooMuch = kind === "svg" ? tooMuchSvg(file) : undefined;
  if (tooMuch !== undefined)
    throw new PictureError(`picture ${quoted(name)}: ${what} with ${tooMuch}; convert it to PNG first`, "damaged");
  const sharp = await loadSharp("picture");
  const { bytes, endAdded } = kind === "jpeg" ? mendJpeg(file) : { bytes: file, endAdded: false };
  const open = (more: SharpOptions = {}) => sharp(bytes, { ...LIMIT, ...options, ...more });
  try {
    if (endAdded) await requireComplete(bytes, (each, more) => sharp(each, { ...LIMIT, ...more }));
    let input = open();
    if (kind === "svg") {
      const { width, height } = await input.metadata();
      input = open({ density: densityOf(width, height) });
    }
    // Orientation first: cameras store it beside the pixels.
    const converted = (await convert(input.autoOrient(), kind)).raw({ depth: "uchar" });
    const { data, info } = await converted.toBuffer({ resolveWithObject: true });
    return { kind, data, width: info.width, height: info.height, channels: info.channels };
  } catch (cause) {
    throw cause instanceof PictureError ? cause : decodingError(cause, name, what);
  }
}

/**
 * Throws if more than the end marker was missing. Decoding all of it shows that for all rows but the last 8, whose warnings
 * nobody reads any more; those must not depend on data behind the end.
 */
async function requireComplete(bytes: Uint8Array, open: (bytes: Uint8Array, options: SharpOptions) => Sharp) {
  const lastRows = async (each: Uint8Array, options: SharpOptions): Promise<Buffer> => {
    const picture = open(each, options);
    const { width, height } = await picture.metadata();
    const rows = Math.min(8, height);
    return picture
      .extract({ left: 0, top: height - rows, width, height: rows })
      .raw()
      .toBuffer();
  };
  const last = await lastRows(bytes, {});
  for (const each of withExcessData(bytes)) {
    if (!last.equals(await lastRows(each, { failOn: "none" }))) throw new Error("data of the last rows are missing");
  }
}

function decodingError(cause: unknown, name: string, what: string): PictureError {
  const why = cause instanceof Error ? cause.message.split("\n")[0].slice(0, 200) : String(cause);
  if (/exceeds pixel limit/.test(why)) {
    const most = `more than ${MAX_PIXELS} pixels`;
    return new PictureError(`picture ${quoted(name)}: ${what} of ${most}; reduce it first`, "damaged", { cause });
  }
  return new PictureError(
    `picture ${quoted(name)}: ${what}, damaged or cut short (${printable(why)}); get it again or convert it`,
    "damaged",
    { cause },
  );
}

/**
 * Dots per inch for a drawing of width × height units of 1/72 inch: makes the longer side `DRAWN`, because drawings are often only
 * a few units large, and the shorter side at least a pixel.
 */
const densityOf = (width: number, height: number): number =>
  Math.min(2400, Math.max(1, (72 * DRAWN) / Math.max(width, height), 72 / Math.min(width, height)));
