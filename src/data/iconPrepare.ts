/** Renders the installed icon sets and writes the data set (iconFiles.ts). */
import { rename, writeFile } from "node:fs/promises";
import { isJsonRecord, type JsonRecord, type JsonValue, parseJson } from "../formats/index.ts";
import { DataError } from "./batches.ts";
import { ICON_SIDE, type IconIndex, INDEX, keyOf, packageFile, RECIPE, readIfThere, sha256 } from "./iconFiles.ts";
import { type IconSet, renderDrawings, svgOf } from "./iconify.ts";
import { namedIcons } from "./iconNames.ts";
import { selectIcons } from "./iconSelection.ts";
import { type IconSource, iconPackage } from "./iconSets.ts";
import { readPictures, writePictures } from "./pictureCache.ts";
import { tooMuchSvg } from "./svgBudget.ts";

/** Options of `prepareIcons`. */
export interface PrepareIcons {
  readonly sources: readonly IconSource[];
  /** The folder where npm installed the packages. */
  readonly packages: string;
  /** The folder to write to. */
  readonly folder: string;
  /** Is called for each icon that is rendered. */
  readonly progress?: (done: number, total: number) => void;
}

const record = (value: JsonValue | undefined): JsonRecord => (isJsonRecord(value) ? value : {});

/** A set as its package has it. */
async function readSet(source: IconSource, packages: string) {
  const read = async (file: string) => {
    const path = packageFile(packages, source.name, file);
    const bytes = await readIfThere(path);
    if (bytes === undefined) {
      const how = `run npm install --prefix ${packages} ${iconPackage(source.name)}@${source.version}`;
      throw new DataError(`icons: ${path} is missing; ${how}`);
    }
    return { bytes, value: record(parseJson(bytes, path)) };
  };
  const { bytes, value } = await read("icons.json");
  const { value: metadata } = await read("metadata.json");
  const { value: info } = await read("info.json");
  const set = value as unknown as IconSet;
  const icons = namedIcons(set, Object.keys(record(metadata.suffixes)));
  return {
    info: {
      ...source,
      licence: String(record(info.license).spdx ?? "unknown"),
      author: String(record(info.author).name ?? "unknown"),
      sha256: sha256(bytes),
      names: icons.map(({ name }) => name),
    },
    documentOf(row: number): string | undefined {
      const svg = svgOf(set, icons[row].icon);
      return tooMuchSvg(Buffer.from(svg)) === undefined ? svg : undefined;
    },
  };
}

/**
 * Renders all sets whose pictures are not in the folder, finds duplicates and writes the index; an interrupted preparation continues.
 * Throws `DataError` and `MissingPackageError`.
 */
export async function prepareIcons(options: PrepareIcons): Promise<IconIndex> {
  const { sources, packages, folder, progress = () => {} } = options;
  const sets = await Promise.all(sources.map((source) => readSet(source, packages)));
  const found = await Promise.all(sets.map(({ info }) => readPictures(`${folder}/${info.name}.bin`, keyOf(info))));
  const total = sets.reduce((sum, { info }, i) => sum + (found[i] ? 0 : info.names.length), 0);
  let done = 0;
  const step = () => progress(++done, total);
  for (const [i, { info, documentOf }] of sets.entries()) {
    if (found[i]) continue;
    const more = { what: "icons", packages: ["sharp"], side: ICON_SIDE, progress: step };
    const pictures = await renderDrawings(info.names.length, documentOf, more);
    await writePictures(`${folder}/${info.name}.bin`, keyOf(info), pictures);
    found[i] = pictures;
  }
  const drawn = sets.map(({ info }, i) => ({ ...info, pictures: found[i]! }));
  const { rows, duplicates } = selectIcons(drawn, ICON_SIDE);
  const index = { recipe: RECIPE, sets: sets.map(({ info }, i) => ({ ...info, rows: rows[i] })), duplicates };
  const temporary = `${folder}/${INDEX}.${process.pid}.tmp`;
  await writeFile(temporary, JSON.stringify(index), { flush: true });
  await rename(temporary, `${folder}/${INDEX}`);
  return index;
}
