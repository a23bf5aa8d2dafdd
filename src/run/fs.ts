/**
 * The few file operations that a run needs, each of which can fail, and `writeDurably`, which is built from them.
 *
 * They block on purpose: nothing in this process can interleave with a save, which makes it easy to reason about.
 * Tests replace this file system by one that fails, fills up, stops or loses power at any operation.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  rmSync,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { dirname } from "node:path";
import { FormatError } from "../formats/index.ts";

/** File operations, synchronous; they throw the errors of `node:fs`. */
export interface Fs {
  /** All bytes of a regular file. */
  read(path: string): Uint8Array;
  /** Names in a folder, in no particular order. */
  list(path: string): string[];
  /** Whether this path is a folder, not a link to one. */
  isFolder(path: string): boolean;
  /** Makes a folder in an existing one. Throws `EEXIST` if the path exists. */
  makeFolder(path: string): void;
  /**
   * Opens a file: `read` for `readAt`, the others for writing. `replace` empties it, `new` throws `EEXIST` if the path exists,
   * `append` writes at the end.
   */
  open(path: string, mode: "read" | "replace" | "new" | "append"): number;
  /** Reads into `bytes` from a position in the file, and returns how many bytes it read: fewer only at the end. */
  readAt(file: number, bytes: Uint8Array, position: number): number;
  /** Writes some of the bytes and returns how many. */
  write(file: number, bytes: Uint8Array): number;
  /** Returns once the contents are on the disk. */
  sync(file: number): void;
  close(file: number): void;
  /** Renames; replaces `to` atomically. */
  rename(from: string, to: string): void;
  /** Returns once the names in a folder are on the disk. */
  syncFolder(path: string): void;
  /** Removes a file if it exists. */
  remove(path: string): void;
  /** Removes an empty folder. */
  removeFolder(path: string): void;
  /** Free bytes on the disk of a folder. */
  freeBytes(path: string): number;
}

/** Bytes per system call: none handles 2 GiB at once. */
const PIECE = 2 ** 30;

/** The file system of this machine. */
export const realFs: Fs = {
  read: readRegularFile,
  list: (path) => readdirSync(path),
  isFolder: (path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  makeFolder: (path) => mkdirSync(path),
  open: (path, mode) => openSync(path, { read: "r", replace: "w", new: "wx", append: "a" }[mode]),
  readAt: readFully,
  write: (file, bytes) => writeSync(file, bytes.subarray(0, PIECE)),
  sync: (file) => fsyncSync(file),
  close: (file) => closeSync(file),
  rename: (from, to) => renameSync(from, to),
  syncFolder(path) {
    if (process.platform === "win32") return; // Windows cannot open folders; NTFS journals names itself
    const folder = openSync(path, "r");
    try {
      fsyncSync(folder);
    } finally {
      closeSync(folder);
    }
  },
  remove: (path) => rmSync(path, { force: true }),
  removeFolder: (path) => rmdirSync(path),
  freeBytes(path) {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
  },
};

/** Reads a regular file whose size does not change: no pipe that blocks forever, no endless device. */
function readRegularFile(path: string): Uint8Array {
  if (!statSync(path).isFile()) throw new FormatError("NOT_A_REGULAR_FILE", path, 0, "expected a regular file");
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(fstatSync(file).size);
    const length = readFully(file, bytes, 0);
    if (length < bytes.length || fstatSync(file).size !== bytes.length) {
      throw new FormatError("FILE_CHANGED", path, length, "the file changed size while it was read");
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** Reads as much as there is from a position on; one system call may read only some. */
function readFully(file: number, bytes: Uint8Array, position: number): number {
  let length = 0;
  while (length < bytes.length) {
    const read = readSync(file, bytes, length, Math.min(bytes.length - length, PIECE), position + length);
    if (read === 0) break;
    length += read;
  }
  return length;
}

/** Writes all bytes; one system call may write only some. */
export function writeAll(fs: Fs, file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += fs.write(file, bytes.subarray(at));
}

/** The suffix of an unfinished file. */
export const TEMPORARY = ".tmp";

/**
 * Writes a file so that a crash leaves either these bytes or the previous file: temporary file → write → fsync → rename.
 * The new name is durable after `fs.syncFolder`; omit that (`syncName: false`) if more files follow.
 * System errors name the file; the partial temporary file is removed.
 */
export function writeDurably(fs: Fs, path: string, bytes: Uint8Array, { syncName = true } = {}): void {
  const temporary = path + TEMPORARY;
  try {
    const file = fs.open(temporary, "replace");
    try {
      writeAll(fs, file, bytes);
      fs.sync(file); // never retried: after a failure the system may have dropped the pages, and a second call would succeed
    } finally {
      fs.close(file);
    }
    fs.rename(temporary, path);
    if (syncName) fs.syncFolder(dirname(path));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    try {
      fs.remove(temporary);
    } catch {
      // The next write replaces it.
    }
    throw Object.assign(new Error(`${path} was not written: ${error.message}`, { cause: error }), { code: error.code });
  }
}

/**
 * Makes a folder and its missing parents, and syncs each to the disk. Returns the folders that it made, outermost first. An
 * existing folder is left as it is.
 */
export function makeFolders(fs: Fs, path: string): string[] {
  let above: string[] = [];
  try {
    fs.makeFolder(path);
  } catch (error) {
    const code = isSystemError(error) ? error.code : undefined;
    if (code === "EEXIST") return [];
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    above = makeFolders(fs, dirname(path));
    fs.makeFolder(path);
  }
  fs.syncFolder(dirname(path));
  return [...above, path];
}

/** A text as bytes of UTF-8. */
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Whether this is an error of the operating system: `ENOSPC`, `EACCES`, ... */
export const isSystemError = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && "code" in error && typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code);
