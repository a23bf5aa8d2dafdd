/**
 * PNG of 8-bit RGB pixels, as a file and as a data URI.
 *
 * A PNG is a signature and chunks [length, type, data, CRC of type and data]: IHDR (size and pixel type), IDAT (the rows,
 * each after a filter byte, compressed by zlib), IEND. Filter 0 (none): flat drawings compress as well without one.
 *
 * W3C, Portable Network Graphics, https://www.w3.org/TR/png-3/
 */
import { crc32, deflateSync } from "node:zlib";
import { ReportError } from "./data.ts";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);

function chunk(type: string, data: Buffer): Buffer {
  const out = Buffer.alloc(12 + data.length);
  out.writeUInt32BE(data.length, 0);
  out.write(type, 4, "latin1");
  data.copy(out, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + data.length)), 8 + data.length);
  return out;
}

/** A PNG file of rgb [height, width, 3], 0..255. Throws `ReportError` if the size does not fit. */
export function encodePng(rgb: Uint8Array, width: number, height: number): Buffer {
  if (!(width >= 1 && height >= 1) || rgb.length !== width * height * 3) {
    throw new ReportError(`encodePng: ${rgb.length} bytes; ${width}×${height} pixels need ${3 * width * height}`);
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8); // 8 bits, RGB, deflate, filters by row, not interlaced
  const stride = width * 3;
  const rows = Buffer.alloc(height * (stride + 1)); // filter byte 0 before each row
  for (let y = 0; y < height; y++) rows.set(rgb.subarray(y * stride, (y + 1) * stride), y * (stride + 1) + 1);
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A data URI with the PNG of rgb [side, side, 3]. */
export function pngDataUri(rgb: Uint8Array, side: number): string {
  return `data:image/png;base64,${encodePng(rgb, side, side).toString("base64")}`;
}
