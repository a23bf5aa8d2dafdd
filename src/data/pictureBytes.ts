/** Reads picture files, apart from their decoder, so that public types do not need those of `sharp`. */
import { open, readFile, stat } from "node:fs/promises";
import { PictureError, quoted } from "./pictureError.ts";
import { SNIFFED, type Sniffed, sniff } from "./sniff.ts";

const MAX_BYTES = 64 * 1024 * 1024;

/** The kinds of picture files that can be read, for messages. */
export const READABLE = "a PNG, JPEG, WebP, GIF, AVIF, TIFF or SVG file";

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

/** The bytes of a regular file that is not too large. Throws `PictureError`. */
export async function readBytes(file: string): Promise<Uint8Array> {
  const { size } = await requireRegularFile(file);
  if (size > MAX_BYTES) {
    const detail = `${size} bytes, more than ${MAX_BYTES}; reduce it first`;
    throw new PictureError(`picture ${quoted(file)}: ${detail}`, "damaged");
  }
  return reading(file, () => readFile(file));
}
