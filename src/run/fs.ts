/**
 * The few operations on files that a run needs, each one a place where a disk can fail, and `writeDurably` made of them.
 *
 * Blocking on purpose: a save that is not interrupted by anything of this process is a save that is easy to argue about.
 * Tests put a file system in this place that fails, fills up, stops or loses power at any operation.
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

export interface Fs {
  /** All bytes of a regular file. */
  read(path: string): Uint8Array;
  /** Names in a folder, in no order. */
  list(path: string): string[];
  /** Whether a folder, and no link to one, is at this path. */
  isFolder(path: string): boolean;
  /** A new folder in an existing one. Throws `EEXIST` where something is. */
  makeFolder(path: string): void;
  /** Opens for writing: `replace` empties, `new` throws `EEXIST` where something is, `append` writes behind the end. */
  open(path: string, mode: "replace" | "new" | "append"): number;
  /** Writes some of the bytes and returns how many. */
  write(file: number, bytes: Uint8Array): number;
  /** Returns when the contents are on the disk. */
  sync(file: number): void;
  close(file: number): void;
  /** Replaces `to` in one step. */
  rename(from: string, to: string): void;
  /** Returns when the names in a folder are on the disk. */
  syncFolder(path: string): void;
  /** Removes a file if it is there. */
  remove(path: string): void;
  /** Removes a folder that is empty. */
  removeFolder(path: string): void;
  /** Bytes that can still be written in a folder. */
  freeBytes(path: string): number;
}

/** Bytes of one call to the system: none takes or gives 2 GiB at once. */
const PIECE = 2 ** 30;

export const realFs: Fs = {
  read: readRegularFile,
  list: (path) => readdirSync(path),
  isFolder: (path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
  makeFolder: (path) => mkdirSync(path),
  open: (path, mode) => openSync(path, { replace: "w", new: "wx", append: "a" }[mode]),
  write: (file, bytes) => writeSync(file, bytes.subarray(0, PIECE)),
  sync: (file) => fsyncSync(file),
  close: (file) => closeSync(file),
  rename: (from, to) => renameSync(from, to),
  syncFolder(path) {
    if (process.platform === "win32") return; // Windows opens no folders; NTFS logs the names by itself
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

/** Reads what was a regular file before and after: no pipe that waits for ever, no device without an end. */
function readRegularFile(path: string): Uint8Array {
  if (!statSync(path).isFile()) throw new FormatError("NOT_A_REGULAR_FILE", path, 0, "expected a regular file");
  const file = openSync(path, "r");
  try {
    const bytes = new Uint8Array(fstatSync(file).size);
    let length = 0;
    while (length < bytes.length) {
      const read = readSync(file, bytes, length, Math.min(bytes.length - length, PIECE), length);
      if (read === 0) break;
      length += read;
    }
    if (length < bytes.length || fstatSync(file).size !== bytes.length) {
      throw new FormatError("FILE_CHANGED", path, length, "the file changed its size while it was read");
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** Writes all bytes: one call to the system may take only some. */
export function writeAll(fs: Fs, file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += fs.write(file, bytes.subarray(at));
}

/** Ends the name of a file that is not finished. */
export const TEMPORARY = ".tmp";

/**
 * The file with these bytes, or what was there before, and never a part: temporary file → write → fsync → rename.
 * The new name itself is safe after `fs.syncFolder`; leave that out (`syncName: false`) where more files follow.
 * Errors of the system name the file; what was written of it is removed.
 */
export function writeDurably(fs: Fs, path: string, bytes: Uint8Array, { syncName = true } = {}): void {
  const temporary = path + TEMPORARY;
  try {
    const file = fs.open(temporary, "replace");
    try {
      writeAll(fs, file, bytes);
      fs.sync(file); // when this fails it is not tried again: the system may have dropped the pages and would say yes
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
 * Makes a folder and those above it that are missing, each of which is then on the disk. Returns what it made, outermost
 * first. A folder that is there already is left as it is.
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

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An error of the operating system: `ENOSPC`, `EACCES`, ... */
export const isSystemError = (error: unknown): error is Error & { readonly code: string } =>
  error instanceof Error && "code" in error && typeof error.code === "string" && /^E[A-Z0-9]+$/.test(error.code);
