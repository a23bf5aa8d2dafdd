/**
 * The files of folders, for commands that take pictures: visits every folder once, in a fixed order.
 *
 * Folders are identified by device and inode, so circular links end. Files and folders whose names begin with a dot, and those
 * of systems and services, are left out unless they are named directly. Unreadable ones are skipped with a warning.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { printable } from "../formats/index.ts";

/** The part of Node's `BigIntStats` that is used, written out for users without Node's types. */
interface FileStats {
  readonly dev: bigint;
  readonly ino: bigint;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** The file system functions that `filesOf` uses. */
export interface FolderReader {
  /** Follows links. */
  stat(path: string): FileStats;
  list(path: string): string[];
}

const realFolders: FolderReader = {
  stat: (path) => statSync(path, { bigint: true }),
  list: (path) => readdirSync(path),
};

/** Folders and files of network drives, archives and desktops. */
const SERVICE = new Set([
  "@eadir",
  "#recycle",
  "$recycle.bin",
  "system volume information",
  "lost+found",
  "__macosx",
  "thumbs.db",
  "desktop.ini",
]);

const isHidden = (name: string): boolean => name.startsWith(".") || SERVICE.has(name.toLowerCase());

const reason = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

/**
 * Replaces each folder in `paths` by all regular files in it, sorted by name within a folder. Other paths are kept unchecked:
 * reading them reports what is wrong.
 */
export function filesOf(
  paths: readonly string[],
  warn: (message: string) => void,
  { stat, list }: FolderReader = realFolders,
): string[] {
  const files: string[] = [];
  const seen = new Set<string>();
  const attempt = <T>(what: string, path: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      warn(`${what} "${printable(path)}" cannot be read (${reason(error)}): skipped`);
      return undefined;
    }
  };
  const walk = (folder: string): void => {
    const names = attempt("folder", folder, () => list(folder).sort());
    for (const name of names ?? []) {
      if (isHidden(name)) continue;
      const path = join(folder, name);
      const found = attempt("file", path, () => stat(path));
      if (found?.isFile()) files.push(path);
      else if (found?.isDirectory()) enter(path, found);
    }
  };
  const enter = (folder: string, { dev, ino }: Pick<FileStats, "dev" | "ino">): void => {
    const key = `${dev}:${ino}`;
    if (seen.has(key)) return;
    seen.add(key);
    walk(folder);
  };
  for (const path of paths) {
    let found: ReturnType<FolderReader["stat"]> | undefined;
    try {
      found = stat(path);
    } catch {} // reported when it is read
    if (found?.isDirectory()) enter(path, found);
    else files.push(path);
  }
  return files;
}
