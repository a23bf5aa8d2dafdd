/**
 * Finds out what a path holds. A file is recognized by its first bytes, a folder by what is in it, in this order:
 *
 *   metadata.csv, .jsonl, .parquet    a table in any of its folders, as Hugging Face's imagefolder has it
 *   images with captions beside them
 *   one table (.csv, .tsv, .jsonl)    of images in the folder
 *   .tar, .tar.gz, .tgz               archives of a WebDataset
 *   .parquet
 *   images in folders of their own    the name of the folder is the caption
 */
import { statSync } from "node:fs";
import { basename, dirname, relative } from "node:path";
import { filesOf } from "../pictureFiles.ts";
import { delimitedTable } from "./delimited.ts";
import { allBytes, fileBytes } from "./fileBytes.ts";
import { captionedFolder, classFolders } from "./folder.ts";
import { jsonTable } from "./jsonLines.ts";
import { parquetFile } from "./parquet.ts";
import { IMAGE_NAME, isGood, type Source, SourceError, splitNamed } from "./row.ts";
import type { NamedColumns } from "./table.ts";
import { webDataset } from "./webDataset.ts";

/** How a source is read. */
export interface SourceOptions extends NamedColumns {
  readonly warn: (message: string) => void;
}

/** Opens the source at a path. Throws `SourceError` if there is none, `FormatError` for a damaged file. */
export async function openSource(path: string, options: SourceOptions): Promise<Source> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new SourceError(`--data ${path}: there is no such file or folder`);
  if (found.isDirectory()) return openFolder(path, options);
  if (!found.isFile()) throw new SourceError(`--data ${path}: found neither a folder nor a regular file`);
  return openFile(path, basename(path), options);
}

const EXPECTED =
  "give images with captions in .txt files beside them, images in folders named by what they show, a table with columns file_name and text, or WebDataset or parquet files";

const SHOWN = 3; // names of files

/** A file by its first bytes: parquet, tar, gzip (of a tar), JSON, or else separated fields. */
async function openFile(path: string, name: string, options: SourceOptions): Promise<Source> {
  const file = fileBytes(path, name);
  if (file.size === 0) throw new SourceError(`--data ${path}: the file is empty`);
  const head = file.read(0, Math.min(file.size, 512));
  const ascii = (at: number, length: number): string => String.fromCharCode(...head.subarray(at, at + length));
  if (ascii(0, 4) === "PAR1") return parquetFile(path, name, options);
  if (ascii(257, 5) === "ustar" || (head[0] === 31 && head[1] === 139) || /\.tar$/i.test(name))
    return webDataset(path, name);
  if (IMAGE_NAME.test(name)) throw new SourceError(`--data ${path}: found one image; ${EXPECTED}`);
  const isJson = /^\ufeff?\s*[[{]/.test(new TextDecoder().decode(head));
  return (isJson ? jsonTable : delimitedTable)(allBytes(file), path, name, options);
}

async function openFolder(folder: string, options: SourceOptions): Promise<Source> {
  const files = filesOf([folder], options.warn);
  const named = (pattern: RegExp): string[] => files.filter((file) => pattern.test(basename(file)));
  const all = (what: string, chosen: readonly string[]) => joined(what, folder, chosen, options);
  const metadata = named(/^metadata\.(csv|jsonl|parquet)$/i);
  if (metadata.length > 0) return all("an imagefolder with", metadata);
  const captioned = captionedFolder(folder, files);
  if (captioned !== undefined) return captioned;
  const tables = named(/\.(csv|tsv|jsonl|ndjson)$/i);
  if (tables.length > 1) {
    const names = tables.map((table) => relative(folder, table)).join(", ");
    throw new SourceError(`--data ${folder}: several tables: ${names}; give one of them in place of the folder`);
  }
  if (tables.length === 1) return openFile(tables[0], relative(folder, tables[0]), options);
  const archives = named(/\.(tar|tar\.gz|tgz)$/i);
  if (archives.length > 0) return all("a WebDataset of", archives);
  const parquets = named(/\.parquet$/i);
  if (parquets.length > 0) return all("parquet files", parquets);
  const classes = classFolders(folder, files);
  if (classes !== undefined) return classes;
  const images = files.filter((file) => IMAGE_NAME.test(file)).length;
  const what = images > 0 ? `${images} images and no captions` : `no images among ${files.length} files`;
  throw new SourceError(`--data ${folder}: found ${what}; ${EXPECTED}`);
}

/** Files one after the other. Rows without a split have that of their file, if it or its folder is called so: `test-0000.tar`. */
async function joined(what: string, folder: string, files: readonly string[], options: SourceOptions): Promise<Source> {
  const names = files.map((file) => relative(folder, file));
  const sources: Source[] = [];
  for (const [i, file] of files.entries()) sources.push(await openFile(file, names[i], options));
  const shown = names.length > SHOWN ? `${names.length} files` : names.join(", ");
  return {
    ...sources[0],
    title: `${what} ${shown}`,
    async *rows() {
      for (const [i, source] of sources.entries()) {
        const split = splitNamed(basename(names[i]).split(/[-_.]/)[0]) ?? splitNamed(dirname(names[i]));
        for await (const row of source.rows()) yield isGood(row) ? { ...row, split: row.split ?? split } : row;
      }
    },
  };
}
