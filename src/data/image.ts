/**
 * Image files as 8-bit RGB, with the bytes that Pillow's `ImageOps.exif_transpose(image).convert("RGB")` gives.
 *
 * Alpha is dropped, not blended; colour profiles and gamma are ignored; CMYK is converted by Pillow's formula; an animation gives
 * its first frame. Unlike Pillow, which clips 16-bit grey to 255, 16 bits keep their upper 8 (as in TensorFlow); transparent pixels of
 * a GIF are black; the chroma of AVIF is enlarged in another way. An SVG drawing is drawn with a longer side of 256 pixels.
 */
import type { Metadata } from "sharp";
import { decode } from "./decode.ts";
import { readBytes } from "./pictureBytes.ts";
import { PictureError, quoted } from "./pictureError.ts";
import type { RgbImage } from "./preprocess/spec.ts";

/** The most bytes of samples that a file may hold: with what decoders need beside them, an image takes at most 300 MB. */
const MAX_SAMPLES = 81e6;
/** Bytes of memory that decoders of AVIF need for a byte of the result, compared with others. */
const AVIF_FACTOR = 2;

const BYTES: Readonly<Record<string, number>> = { uchar: 1, char: 1, ushort: 2, short: 2 };

/** Reads an image file. Throws `PictureError`. */
export const readImage = async (file: string): Promise<RgbImage> => decodeImage(await readBytes(file), file);

/** Decodes the bytes of an image file; `name` is for messages. Throws `PictureError`. */
export async function decodeImage(bytes: Uint8Array, name: string): Promise<RgbImage> {
  let isCmyk = false;
  const { data, width, height, channels } = await decode(
    bytes,
    name,
    async (picture, kind) => {
      const metadata = await picture.metadata();
      requireSmall(metadata, name, kind);
      isCmyk = metadata.space === "cmyk";
      return isCmyk
        ? picture.pipelineColourspace("cmyk").toColourspace("cmyk").removeAlpha()
        : picture.toColourspace("srgb").removeAlpha();
    },
    { ignoreIcc: true },
  );
  if (channels !== (isCmyk ? 4 : 3)) {
    const detail = `${channels} channels where RGB, grey or CMYK was expected; convert it first`;
    throw new PictureError(`picture ${quoted(name)}: ${detail}`, "damaged");
  }
  return { data: isCmyk ? fromCmyk(data) : data, width, height, name };
}

/** Before a pixel is decoded. */
function requireSmall({ width, height, channels, depth }: Metadata, name: string, kind: string): void {
  const samples = width * height * Math.max(3, channels) * (BYTES[depth] ?? 4) * (kind === "avif" ? AVIF_FACTOR : 1);
  if (samples <= MAX_SAMPLES) return;
  const most = Math.floor((MAX_SAMPLES / samples) * width * height);
  const detail = `${width} × ${height} pixels; the most that are read of its kind are ${most}; reduce it first`;
  throw new PictureError(`picture ${quoted(name)}: ${detail}`, "damaged");
}

/** [..., 4] → [..., 3]: (255 − k) − c · (255 − k) / 255, rounded; Pillow, src/libImaging/Convert.c. */
function fromCmyk(cmyk: Uint8Array): Uint8Array {
  const rgb = new Uint8Array((cmyk.length / 4) * 3);
  for (let from = 0, to = 0; from < cmyk.length; from += 4) {
    const light = 255 - cmyk[from + 3];
    for (let c = 0; c < 3; c++) rgb[to++] = light - Math.round((cmyk[from + c] * light) / 255);
  }
  return rgb;
}
