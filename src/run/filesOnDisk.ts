/** A folder of the disk as named files. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { NamedFiles } from "../data/index.ts";
import { realFs } from "./fs.ts";

/** Whether a path is a folder, or a link to one. */
export const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** The files of a folder; none if the path is none. */
export const filesOnDisk = (path: string): NamedFiles => ({
  names: new Set(isFolder(path) ? readdirSync(path) : []),
  pathOf: (name) => join(path, name),
  read: (name) => realFs.read(join(path, name)),
});
