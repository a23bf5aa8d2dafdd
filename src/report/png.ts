/** Pictures inside the page, as PNG (fast-png: pure JavaScript, so a browser can render the report too). */
import { encode } from "fast-png";
import { type Picture, ReportError } from "./data.ts";

/** URIs by pixels: a page shows a picture several times, and a training writes its page again and again. */
const known = new WeakMap<Uint8Array, string>();

/** A data URI with the picture as PNG. Throws `ReportError` if its pixels do not fill it. */
export function pngDataUri({ side, rgb }: Picture): string {
  if (!(side >= 1) || rgb.length !== side * side * 3) {
    throw new ReportError(`pngDataUri: ${rgb.length} bytes; ${side}×${side} pixels need ${3 * side * side}`);
  }
  const found = known.get(rgb);
  if (found !== undefined) return found;
  const png = encode({ width: side, height: side, channels: 3, depth: 8, data: rgb }, { zlib: { level: 9 } });
  const uri = `data:image/png;base64,${btoa(Array.from(png, (byte) => String.fromCharCode(byte)).join(""))}`;
  known.set(rgb, uri);
  return uri;
}
