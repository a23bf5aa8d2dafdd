/** Compares a folder with what an index knows of it, by sizes and times alone. */
import { statSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { filesOf } from "../data/index.ts";
import { isSystemError } from "../run/index.ts";
import type { PhotoFacts } from "./facts.ts";
import { PhotoIndexError } from "./segments.ts";

/** What a look at a folder found; files by their path below it. */
export interface Scan {
  /** New and changed files. */
  readonly changed: readonly string[];
  /** Known files that do not exist any more. */
  readonly gone: readonly string[];
  readonly unchanged: number;
}

/** Options of `scan`. */
export interface ScanOptions {
  /** Folders and files that are left out, by their path below the folder. */
  readonly skip: readonly string[];
  /** Where the index is, which may be in the folder. */
  readonly index: string;
  readonly warn: (message: string) => void;
}

/** Size and time of the last change of a file. */
export interface Stamp {
  readonly bytes: number;
  readonly modified: number;
}

/** Throws errors of the system. */
export function stampOf(path: string): Stamp {
  const { size, mtimeMs } = statSync(path);
  return { bytes: size, modified: mtimeMs };
}

/** Throws `PhotoIndexError` if no file is left of a folder that had some: its drive may not be connected. */
export function scan(
  folder: string,
  known: ReadonlyMap<string, { readonly facts: PhotoFacts }>,
  { skip, index, warn }: ScanOptions,
): Scan {
  const below = (path: string): string => relative(folder, path).split(sep).join("/");
  const left = [...skip.map((path) => below(resolve(folder, path))), below(resolve(index))];
  const isLeftOut = (file: string): boolean => left.some((path) => file === path || file.startsWith(`${path}/`));
  const changed: string[] = [];
  const found = new Set<string>();
  for (const path of filesOf([folder], warn)) {
    const file = below(path);
    if (isLeftOut(file)) continue;
    found.add(file);
    const facts = known.get(file)?.facts;
    const stamp = stampOr(path);
    const isSame = facts && !facts.again && facts.bytes === stamp?.bytes && facts.modified === stamp.modified;
    if (!isSame) changed.push(file);
  }
  if (found.size === 0 && known.size > 0) {
    const remedy = "connect its drive, or delete the index";
    throw new PhotoIndexError(`no file in ${folder}, and the index ${index} has ${known.size}; ${remedy}`);
  }
  const gone = [...known.keys()].filter((file) => !found.has(file) && (isLeftOut(file) || isGone(join(folder, file))));
  return { changed, gone, unchanged: found.size - changed.length };
}

function stampOr(path: string): Stamp | undefined {
  try {
    return stampOf(path);
  } catch (error) {
    if (isSystemError(error)) return undefined; // reading it says why
    throw error;
  }
}

/** Whether a file does not exist: one in a folder that cannot be read now is not gone. */
function isGone(path: string): boolean {
  try {
    statSync(path);
    return false;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return error.code === "ENOENT" || error.code === "ENOTDIR";
  }
}
