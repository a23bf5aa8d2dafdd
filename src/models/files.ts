/** Files as bytes by position, and folders that are written whole or not at all. */
import { randomBytes } from "node:crypto";
import { closeSync, existsSync, fstatSync, fsyncSync, mkdirSync, openSync, readdirSync, readSync, renameSync, rmSync, statSync, writeSync } from "node:fs"; // biome-ignore format: one line
import { dirname, join, resolve } from "node:path";
import { crc32, inflateRawSync } from "node:zlib";
import { FormatError, type Zlib } from "../formats/index.ts";
import type { ModelFolder, OpenFile } from "./folder.ts";

/** Bytes per system call: none handles 2 GiB at once. */
const PIECE = 2 ** 30;

/** What npz needs of `node:zlib`. */
export const zlib: Zlib = {
  crc32,
  inflateRaw(bytes, limit) {
    const options = { info: true, maxOutputLength: Math.max(limit, 1) };
    const { buffer, engine } = inflateRawSync(bytes, options) as unknown as {
      buffer: Uint8Array;
      engine: { bytesWritten: number };
    };
    return { bytes: buffer, consumed: engine.bytesWritten };
  },
};

/** Opens a regular file, or a link to one (caches of models consist of links), to read by position. Throws `FormatError` if it is another, or changes its size while it is read. */
export function openFile(path: string): OpenFile {
  if (!statSync(path).isFile()) throw new FormatError("NOT_A_REGULAR_FILE", path, 0, "expected a regular file");
  const file = openSync(path, "r");
  const { size } = fstatSync(file);
  return {
    name: path,
    size,
    read(begin, end, buffer = new ArrayBuffer(end - begin)) {
      const bytes = new Uint8Array(buffer, 0, end - begin);
      for (let at = 0; at < bytes.length; ) {
        const read = readSync(file, bytes, at, Math.min(bytes.length - at, PIECE), begin + at);
        if (read === 0)
          throw new FormatError("FILE_CHANGED", path, begin + at, "the file became shorter while it was read");
        at += read;
      }
      if (fstatSync(file).size !== size) {
        throw new FormatError("FILE_CHANGED", path, begin, "the file changed size while it was read");
      }
      return bytes;
    },
    close: () => closeSync(file),
  };
}

/** A folder of the disk, or of it the files of these names. */
export const diskFolder = (path: string, names: Iterable<string> = readdirSync(path)): ModelFolder => ({
  path,
  names: new Set(names),
  pathOf: (name) => join(path, name),
  open: (name) => openFile(join(path, name)),
});

/** A path that exists already: nothing is written over it. */
export class ModelFolderError extends Error {
  override readonly name = "ModelFolderError";
}

/**
 * Writes a new folder with these files so that a crash leaves all of it or nothing: temporary folder beside it → write → fsync →
 * rename. Throws `ModelFolderError` if the path exists; errors of the system pass, and the temporary folder is removed.
 */
export function writeFolder(folder: string, files: ReadonlyMap<string, Iterable<Uint8Array>>): void {
  const path = resolve(folder);
  const exists = (): ModelFolderError =>
    new ModelFolderError(
      `${folder} exists; save the model into a folder that does not, so that nothing is overwritten`,
    );
  if (existsSync(path)) throw exists();
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(4).toString("hex")}.tmp`;
  mkdirSync(temporary);
  try {
    for (const [name, pieces] of files) writeFile(join(temporary, name), pieces);
    syncFolder(temporary);
    if (existsSync(path)) throw exists();
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
  syncFolder(dirname(path));
}

function writeFile(path: string, pieces: Iterable<Uint8Array>): void {
  const file = openSync(path, "wx");
  try {
    for (const piece of pieces) {
      for (let at = 0; at < piece.length; ) at += writeSync(file, piece, at, Math.min(piece.length - at, PIECE));
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function syncFolder(path: string): void {
  if (process.platform === "win32") return; // Windows cannot open folders; NTFS journals names itself
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
