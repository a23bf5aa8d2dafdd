/**
 * The icon data set on disk, as `prepareIcons` writes it and every run reads it.
 *
 *   icons.json     the sets: names of their rows, rows to use, licence, fingerprint
 *   mdi.bin, ...   pictures of a set, [rows, 32, 32, 4] (pictureCache.ts)
 *   packages/      Iconify's packages; once rendered they are not needed
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { isJsonRecord, type JsonValue, parseJson } from "../formats/index.ts";
import { DataError } from "./batches.ts";
import type { RenderedPictures } from "./emoji.ts";
import type { DuplicateCounts } from "./iconSelection.ts";
import { type IconSource, type IconUse, iconPackage } from "./iconSets.ts";
import { type CacheKey, readPictures } from "./pictureCache.ts";

/** Version of names, rendering and selection: what an older one has prepared is not read. */
export const RECIPE = 1;
/**
 * Side of a stored icon: views of 24 pixels read it in steps of 1.5. A user's picture is stored at 48; embeddings of the two forms of
 * 300 icons had a mean cosine of 0.995.
 */
export const ICON_SIDE = 32;
/** Bytes of a stored icon, [32, 32, 4]. */
export const ICON_BYTES = ICON_SIDE * ICON_SIDE * 4;
/** The name of the index in its folder. */
export const INDEX = "icons.json";
/** What to do if the data set cannot be read. */
const REMEDY = "run npm run data:icons (installed: siglip data icons)";

/** A prepared set. */
export interface PreparedSet extends IconSource {
  /** SPDX: "Apache-2.0". */
  readonly licence: string;
  readonly author: string;
  /** SHA-256 of its `icons.json`. */
  readonly sha256: string;
  /** The name of each row of its pictures. */
  readonly names: readonly string[];
  /** The rows to use. */
  readonly rows: readonly number[];
}

/** The index of the data set. */
export interface IconIndex {
  readonly recipe: number;
  readonly sets: readonly PreparedSet[];
  readonly duplicates: readonly DuplicateCounts[];
}

/** The file of an Iconify package below the folder where npm installed it. */
export const packageFile = (packages: string, name: string, file: string): string =>
  `${packages}/node_modules/${iconPackage(name)}/${file}`;

/** SHA-256 in hex. */
export const sha256 = (data: Uint8Array): string => createHash("sha256").update(data).digest("hex");

/** Everything that the pictures of a set depend on. */
export const keyOf = ({ name, sha256, names }: Pick<PreparedSet, "name" | "sha256" | "names">): CacheKey => ({
  side: ICON_SIDE,
  count: names.length,
  madeFrom: JSON.stringify([RECIPE, name, sha256, names]),
});

/** A file; undefined if there is none. */
export async function readIfThere(file: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/** The parts of a prepared set that a run reads. */
export interface OpenedIconSet {
  readonly name: string;
  readonly use: IconUse;
  /** SHA-256 of the package's `icons.json`. */
  readonly sha256: string;
  /** The names of its icons. */
  readonly names: readonly string[];
  /** The rows of its icons in `pictures`. */
  readonly rows: readonly number[];
  /** [..., 32, 32, 4], premultiplied; empty if they were not asked for. */
  readonly pictures: Uint8Array;
}

/** The result of `openIcons`. */
export interface OpenedIcons {
  readonly sets: readonly OpenedIconSet[];
  /** All files that were read, for other threads. */
  readonly rendered: RenderedPictures;
}

/** Options of `openIcons`. */
export interface OpenIcons {
  /** The folder of the data set. */
  readonly folder: string | undefined;
  /** The uses whose pictures are read; without any, only names. */
  readonly uses: readonly IconUse[];
  /** Files that another thread has read. */
  readonly rendered?: RenderedPictures | undefined;
}

/** Opens the prepared data set. Throws `DataError` if it is not there, damaged, or not that of the installed sets. */
export async function openIcons({ folder, uses, rendered: given }: OpenIcons): Promise<OpenedIcons> {
  if (folder === undefined && given === undefined)
    throw new DataError("icons: there is no cache folder to read them from; name one in SIGLIP_CACHE");
  const rendered = new Map<string, Uint8Array>();
  const bytes = given?.get(INDEX) ?? (await readIfThere(`${folder}/${INDEX}`));
  if (bytes === undefined) throw new DataError(`icons: they are not prepared in ${folder}; ${REMEDY}`);
  rendered.set(INDEX, inSharedMemory(bytes));
  const index = indexOf(bytes, `${folder}/${INDEX}`);
  const sets: OpenedIconSet[] = [];
  for (const set of index.sets) {
    const { name, use, sha256 } = set;
    let pictures: Uint8Array = new Uint8Array(0);
    if (uses.includes(use)) {
      pictures = given?.get(name) ?? inSharedMemory(await picturesOf(set, `${folder}`));
      rendered.set(name, pictures);
    }
    sets.push({ name, use, sha256, names: set.rows.map((row) => set.names[row]), rows: set.rows, pictures });
  }
  return { sets, rendered };
}

async function picturesOf(set: PreparedSet, folder: string): Promise<Uint8Array> {
  const installed = await readIfThere(packageFile(`${folder}/packages`, set.name, "icons.json"));
  if (installed !== undefined && sha256(installed) !== set.sha256)
    throw new DataError(`icons: the set ${set.name} has changed since its icons were rendered; ${REMEDY}`);
  const file = `${folder}/${set.name}.bin`;
  const pictures = await readPictures(file, keyOf(set));
  if (pictures === undefined)
    throw new DataError(`icons: ${file} is missing, cut short or from another version; ${REMEDY}`);
  return pictures;
}

const isList = (value: JsonValue | undefined, isItem: (item: JsonValue) => boolean): boolean =>
  Array.isArray(value) && value.every(isItem);

const isSet = (value: JsonValue): boolean =>
  isJsonRecord(value) &&
  ["name", "use", "sha256"].every((key) => typeof value[key] === "string") &&
  isList(value.names, (name) => typeof name === "string") &&
  isList(value.rows, (row) => Number.isInteger(row));

function indexOf(bytes: Uint8Array, file: string): IconIndex {
  let value: JsonValue | undefined;
  try {
    value = parseJson(bytes, file);
  } catch (cause) {
    throw new DataError(`icons: ${file} is damaged; ${REMEDY}`, { cause });
  }
  if (!isJsonRecord(value) || typeof value.recipe !== "number" || !isList(value.sets, isSet))
    throw new DataError(`icons: ${file} is damaged; ${REMEDY}`);
  if (value.recipe !== RECIPE)
    throw new DataError(
      `icons: ${file} was prepared by another version (${value.recipe}, this one is ${RECIPE}); ${REMEDY}`,
    );
  return value as unknown as IconIndex;
}

function inSharedMemory(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}
