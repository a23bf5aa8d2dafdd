/**
 * One binary file of equally sized pictures, so that drawings are rendered once.
 *
 *   0  "siglipPX"   8  version, side, count, 0 (u32 little endian)   24  key (SHA-256 of what the pictures were made from)
 *   56  SHA-256 of the pictures   88  the pictures, [count, side, side, 4] bytes
 *
 * A file with another key is stale, one with another length or hash is damaged; both are made anew. Files are written under a
 * temporary name and renamed, so a reader never sees half a file and two writers do not disturb each other.
 */
import { createHash, randomUUID } from "node:crypto";
import * as realFiles from "node:fs/promises";
import { dirname } from "node:path";

const MAGIC = "siglipPX";
const VERSION = 1;
const HEADER = 88;

/** What the pictures must be to be used: `madeFrom` names every input (package versions, recipe, list of pictures). */
export interface CacheKey {
  readonly side: number;
  readonly count: number;
  readonly madeFrom: string;
}

/** The part of the file system that is used here. */
export type CacheFiles = Pick<typeof realFiles, "mkdir" | "rename" | "rm" | "writeFile">;

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

/** The pictures in `file`, or undefined when there is none, or it is stale or damaged. */
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

/** Writes the pictures, all or nothing: on a full disk what was there stays. */
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
