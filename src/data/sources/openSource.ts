/** Finds out what a path holds: the kinds of sources, and how each is recognized. */
import { statSync } from "node:fs";
import { filesOf } from "../pictureFiles.ts";
import { captionedFolder, classFolders } from "./folder.ts";
import { IMAGE_NAME, type Source, SourceError } from "./row.ts";

/** How a source is read. */
export interface SourceOptions {
  /** The column that holds the images, or "auto". */
  readonly image: string;
  /** The column that holds the captions, or "auto". */
  readonly text: string;
  readonly warn: (message: string) => void;
}

/** Opens the source at a path. Throws `SourceError` if there is none, `FormatError` for a damaged file. */
export async function openSource(path: string, options: SourceOptions): Promise<Source> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new SourceError(`--data ${path}: there is no such file or folder`);
  if (!found.isDirectory()) throw new SourceError(`--data ${path}: found neither a folder nor a regular file`);
  return openFolder(path, options);
}

const EXPECTED =
  "give images with captions in .txt files beside them, images in folders named by what they show, a table with columns file_name and text, or WebDataset or parquet files";

async function openFolder(folder: string, { warn }: SourceOptions): Promise<Source> {
  const files = filesOf([folder], warn);
  const source = captionedFolder(folder, files) ?? classFolders(folder, files);
  if (source !== undefined) return source;
  const images = files.filter((file) => IMAGE_NAME.test(file)).length;
  const what = images > 0 ? `${images} images and no captions` : `no images among ${files.length} files`;
  throw new SourceError(`--data ${folder}: found ${what}; ${EXPECTED}`);
}
