/**
 * Tables of images and captions: which columns hold them, and a record of a table as a row.
 *
 * A column is found by its name, in the order of the lists here, or named by data.image and data.text. Files are named relative to
 * the folder of the table, or to a folder in it that holds the first one.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import { readBytes } from "../pictureBytes.ts";
import { TEXT_KEYS } from "./captions.ts";
import { type BadRow, type Columns, type Row, SourceError, splitNamed } from "./row.ts";

const IMAGE_KEYS = [
  ...["file_name", "filename", "image", "image_path", "filepath", "file_path", "path", "file", "img"],
  ...["image_file", "image_name", "picture", "photo", "jpg", "png"],
];
const LANGUAGE_KEYS = ["language", "lang", "locale"];
const SPLIT_KEYS = ["split", "subset", "partition"];

/** How columns are named. */
export interface NamedColumns {
  /** A column, or "auto". */
  readonly image: string;
  readonly text: string;
}

const plain = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s-]+/g, "_");

/** The first of `wanted` that is a column, under the name that it has in the table. */
const firstOf = (wanted: readonly string[], columns: readonly string[]): string | undefined =>
  wanted.map((name) => columns.find((column) => plain(column) === name)).find((column) => column !== undefined);

/** The columns of a table. Throws `SourceError` if those of images or captions are not among them. */
export function columnsOf(table: string, columns: readonly string[], { image, text }: NamedColumns): Columns {
  const pick = (key: string, name: string, wanted: readonly string[]): string => {
    const found = name === "auto" ? firstOf(wanted, columns) : columns.find((column) => column.trim() === name);
    if (found !== undefined) return found;
    const listed = columns.map((column) => JSON.stringify(column)).join(", ");
    const what =
      name === "auto"
        ? `no column looks like that of ${key === "image" ? "images" : "captions"}`
        : `there is no column ${JSON.stringify(name)}`;
    throw new SourceError(`${table}: ${what}; its columns are ${listed}; name it with --set data.${key}=COLUMN`);
  };
  const images = pick("image", image, IMAGE_KEYS);
  const others = columns.filter((column) => column !== images);
  return {
    image: images,
    text: pick(
      "text",
      text,
      TEXT_KEYS.filter((key) => others.some((column) => plain(column) === key)),
    ),
    language: firstOf(LANGUAGE_KEYS, others),
    split: firstOf(SPLIT_KEYS, others),
  };
}

/** Whether both columns can be found among these. */
export function hasColumns(columns: readonly string[], named: NamedColumns): boolean {
  try {
    columnsOf("", columns, named);
    return true;
  } catch {
    return false;
  }
}

/** A record of a table: what stands in its columns. */
export interface TableRecord {
  readonly where: string;
  /** The name of a file, or the bytes of one with a name for people. */
  readonly image: string | { readonly name: string; readonly read: () => Promise<Uint8Array> };
  readonly texts: readonly string[];
  readonly language?: string | undefined;
  readonly split?: string | undefined;
}

/** A record as a row; `base` is the folder that names of files are relative to. */
export function rowOf({ where, image, texts, language, split }: TableRecord, base: string): Row | BadRow {
  const named = split === undefined || split.trim() === "" ? undefined : splitNamed(split);
  if (split !== undefined && split.trim() !== "" && named === undefined) {
    return { where, reason: `the split is ${JSON.stringify(split)}; expected train, validation or test` };
  }
  const rest = { where, texts, language: language?.trim() || undefined, split: named };
  if (typeof image !== "string") return { ...rest, name: image.name, read: image.read };
  if (image.trim() === "") return { where, reason: "it names no image" };
  if (/^[a-z]+:\/\//i.test(image)) {
    return { where, reason: `${image} is an address, and nothing is fetched from the web; download it first` };
  }
  const path = pathOf(image.trim(), base);
  return { ...rest, name: image.trim(), read: () => readBytes(path) };
}

/** The path of a file that a table names; tables that were written on Windows have backslashes. */
function pathOf(name: string, base: string): string {
  const path = isAbsolute(name) ? name : join(base, name);
  return name.includes("\\") && !existsSync(path) ? pathOf(name.replaceAll("\\", "/"), base) : path;
}

/** The folder that the files of a table are relative to: that of the table, or a folder in it, if the first file is there. */
export function baseOf(table: string, first: string | undefined): string {
  const folder = dirname(table);
  if (first === undefined || isAbsolute(first) || existsSync(join(folder, first))) return folder;
  const inside = readdirSync(folder)
    .sort()
    .map((name) => join(folder, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  return inside.find((each) => existsSync(join(each, first))) ?? folder;
}
