/**
 * The stored form of pictures, from which views are drawn: the square around the content, 48 × 48, premultiplied RGBA bytes.
 *
 * Trimming makes styles comparable: emoji sets have different margins, and nearest neighbours on trimmed pixels find twice as
 * many emoji in an unseen style (20 % against 10 %).
 */
import { type Crop, resampleSquare } from "./resample.ts";

/** Side of a stored picture. */
export const STORED = 48;
/** Bytes of a stored picture: [48, 48, 4]. */
export const STORED_BYTES = STORED * STORED * 4;

/**
 * A view reads the stored picture bilinearly in steps of 1.7 stored pixels. That alone would skip pixels, so the stored picture
 * is blurred: triangles of 1 and √2 pixels together have the variance of one of 1.7.
 */
const SOFTNESS = Math.SQRT2;

/** The smallest square around the content (alpha > 24 of 255) of [height, width, 4], centred on it; undefined if there is none. */
export function contentSquare(rgba: Uint8Array, width: number, height: number): Crop | undefined {
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (rgba[(y * width + x) * 4 + 3] <= 24) continue;
      left = Math.min(left, x);
      right = Math.max(right, x);
      top = Math.min(top, y);
      bottom = y;
    }
  }
  if (right < 0) return undefined;
  const side = Math.max(right - left, bottom - top) + 1;
  return { side, left: (left + right + 1 - side) / 2, top: (top + bottom + 1 - side) / 2 };
}

/** Straight alpha to premultiplied, so that the colours of transparent pixels do not count. */
function premultiplied(rgba: Uint8Array): Float32Array {
  const out = new Float32Array(rgba);
  for (let i = 0; i < out.length; i += 4) {
    const alpha = out[i + 3] / 255;
    for (let c = 0; c < 3; c++) out[i + c] *= alpha;
  }
  return out;
}

/** The smallest square around the whole picture, centred on it. */
export function wholeSquare(width: number, height: number): Crop {
  const side = Math.max(width, height);
  return { side, left: (width - side) / 2, top: (height - side) / 2 };
}

/** The stored form of straight RGBA [height, width, 4]; by default the square around the content, or the whole if it has none. */
export function storedPicture(
  rgba: Uint8Array,
  width: number,
  height: number,
  crop = contentSquare(rgba, width, height) ?? wholeSquare(width, height),
  side = STORED,
): Uint8Array {
  const pixels = resampleSquare(premultiplied(rgba), width, height, 4, crop, side, SOFTNESS);
  const bytes = new Uint8Array(pixels.length);
  // Uint8Array.from(pixels, Math.round) would take longer than all the rest.
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.round(pixels[i]);
  return bytes;
}
