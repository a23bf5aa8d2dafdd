/**
 * The files of folders, for commands that take pictures: every folder once, in one order, nothing that hides.
 *
 * A folder is known by its device and number (inode), so links that lead back to it end there. Files and folders whose names
 * begin with a dot, and those that systems keep for themselves, are left out unless they are named directly. What cannot be
 * read is passed over with a warning.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { printable } from "../formats/index.ts";

/** What is asked of a file: a part of Node's `BigIntStats`, written out for users without Node's types. */
interface FileStats {
  readonly dev: bigint;
  readonly ino: bigint;
  isFile(): boolean;
  isDirectory(): boolean;
}

/** The part of the file system that is read here. */
export interface FolderReader {
  /** Links are followed. */
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
 * Paths that are not folders as they are, and all regular files of those that are, sorted by name within a folder. Named
 * files are not looked at: whoever reads them says what is wrong.
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
    } catch {} // said when it is read
    if (found?.isDirectory()) enter(path, found);
    else files.push(path);
  }
  return files;
}
