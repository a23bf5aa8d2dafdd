/**
 * A cache of rendered drawings: a binary file of pictures of one size.
 *
 *   0  "siglipPX"   8  version, side, count, 0 (u32 little endian)   24  key (SHA-256 of `madeFrom`)
 *   56  SHA-256 of the pictures   88  the pictures, [count, side, side, 4] bytes
 *
 * A file with another key is stale, and one with another length or hash is damaged; both are rendered again. Files are written
 * under a temporary name and renamed, so readers never see partial files and concurrent writers do not conflict.
 */
import { createHash, randomUUID } from "node:crypto";
import * as realFiles from "node:fs/promises";
import { dirname } from "node:path";

const MAGIC = "siglipPX";
const VERSION = 1;
const HEADER = 88;

/** Identifies the pictures of a file: `madeFrom` names every input (package versions, recipe, list of pictures). */
export interface CacheKey {
  readonly side: number;
  readonly count: number;
  readonly madeFrom: string;
}

/** The file system functions that writing uses. */
export interface CacheFiles {
  mkdir(path: string, options: { readonly recursive: true }): Promise<unknown>;
  rename(from: string, to: string): Promise<void>;
  rm(path: string, options: { readonly force: true }): Promise<void>;
  writeFile(path: string, data: Uint8Array[], options: { readonly flush: true }): Promise<void>;
}

const sha256 = (data: string | Uint8Array): Buffer => createHash("sha256").update(data).digest();

function headerOf({ side, count, madeFrom }: CacheKey, pictures: Uint8Array): Buffer {
  const header = Buffer.alloc(HEADER);
  header.write(MAGIC, 0, "latin1");
  [VERSION, side, count].forEach((value, i) => {
    header.writeUInt32LE(value, 8 + 4 * i);
  });
  sha256(madeFrom).copy(header, 24);
  sha256(pictures).copy(header, 56);
  return header;
}

/** The pictures in `file`; undefined if it is missing, stale or damaged. */
export async function readPictures(file: string, key: CacheKey): Promise<Uint8Array | undefined> {
  let bytes: Buffer;
  try {
    bytes = await realFiles.readFile(file);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  if (bytes.length !== HEADER + key.count * key.side * key.side * 4) return undefined;
  const pictures = bytes.subarray(HEADER);
  return headerOf(key, pictures).equals(bytes.subarray(0, HEADER)) ? pictures : undefined;
}

/** Writes the pictures atomically: on a full disk the previous file stays. */
export async function writePictures(
  file: string,
  key: CacheKey,
  pictures: Uint8Array,
  { mkdir, rename, rm, writeFile }: CacheFiles = realFiles,
): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const temporary = `${file}.${randomUUID()}.tmp`;
  try {
    await writeFile(temporary, [headerOf(key, pictures), pictures], { flush: true });
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
