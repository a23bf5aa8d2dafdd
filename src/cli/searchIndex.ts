/** `siglip search INDEX`: pictures of an index that match words, an image, or a sum of both; none if nothing matches. */
import { basename, join } from "node:path";
import { printable } from "../formats/index.ts";
import {
  combine,
  openIndex,
  type PhotoFilter,
  type PhotoIndex,
  photoSheet,
  type QueryPart,
  searchPhotos,
} from "../photos/index.ts";
import {
  ConfigError,
  checkTexts,
  embedPictures,
  embedTexts,
  type OpenModel,
  openModel,
  realFs,
  utf8,
  writeDurably,
} from "../run/index.ts";
import { print, warn } from "./print.ts";
import { nothingFound, resultLine, tooImprobable } from "./resultLine.ts";

export interface SearchIndexOptions {
  readonly top: string;
  readonly image?: string;
  readonly imageWeight?: string;
  readonly minus?: string;
  readonly minusWeight?: string;
  readonly minProbability?: string;
  readonly under?: string;
  readonly from?: string;
  readonly to?: string;
  readonly model?: string;
  readonly out?: string;
  readonly json?: boolean;
}

/** A number given as text. Throws `ConfigError`. */
function numberOf(key: string, text: string, isRight: (value: number) => boolean, what: string): number {
  const value = Number(text);
  if (text.trim() !== "" && isRight(value)) return value;
  throw new ConfigError([{ code: "CONFIG_RANGE", key, detail: `${key} ${text} is not ${what}` }]);
}

/** The parts of the query, and whether it is one text alone. Throws `ConfigError` if there is none. */
async function queryParts(
  model: OpenModel,
  words: string | undefined,
  { image, minus, ...weights }: SearchIndexOptions,
): Promise<{ parts: QueryPart[]; isText: boolean }> {
  const { tokenizer, textLength, pictures } = model;
  const weight = (key: string, text: string): number => numberOf(key, text, (x) => x > 0 && x < 1e6, "greater than 0");
  const text = (what: string): Float32Array => {
    for (const warning of checkTexts("search: the query", tokenizer, [what], textLength)) warn(warning);
    return embedTexts(model, tokenizer, [what], textLength);
  };
  const parts: QueryPart[] = [];
  if (words !== undefined) parts.push({ embedding: text(words), weight: 1 });
  if (image !== undefined) {
    const { pixels } = await pictures.read(image);
    const embedding = embedPictures(model, {
      count: 1,
      side: pictures.height,
      width: pictures.width,
      pixels: () => pixels,
    });
    parts.push({ embedding, weight: weight("--image-weight", weights.imageWeight ?? "1") });
  }
  if (parts.length === 0) {
    const detail = "neither words nor --image was given; write what to look for";
    throw new ConfigError([{ code: "CONFIG_RANGE", key: "search", detail }]);
  }
  const isText = image === undefined && minus === undefined;
  if (minus !== undefined) {
    parts.push({ embedding: text(minus), weight: -weight("--minus-weight", weights.minusWeight ?? "0.5") });
  }
  return { parts, isText };
}

/** The query for people: `cat + beach.jpg − snow`. */
const describe = (words: string | undefined, { image, minus }: SearchIndexOptions): string =>
  [words, image && basename(image)].filter((each) => each !== undefined).join(" + ") + (minus ? ` − ${minus}` : "");

/** Why a search found nothing, and what to do; `nearest`: the probability of the nearest picture that passes the filter, if any does. */
function reasonOf(nearest: number | undefined, least: number, { folder }: PhotoIndex, filter: PhotoFilter): string {
  if (nearest !== undefined) {
    return `${tooImprobable(nearest, least)}, or list the nearest with --min-probability 0`;
  }
  const { under, from, to } = filter;
  const filters = Object.entries({ under, from, to }).filter(([, value]) => value !== undefined);
  if (filters.length === 0) return `add some to ${folder} and repeat the index command`;
  return `none is within ${filters.map(([key, value]) => `--${key} ${value}`).join(" ")}; leave out or widen ${filters.length === 1 ? "it" : "them"}`;
}

export async function searchIndex(path: string, query: string | undefined, options: SearchIndexOptions): Promise<void> {
  const top = numberOf("--top", options.top, (x) => Number.isInteger(x) && x >= 1, "an integer of at least 1");
  const least = numberOf("--min-probability", options.minProbability ?? "0.5", (x) => x >= 0 && x <= 1, "from 0 to 1");
  const index = openIndex(path, warn);
  try {
    await searchOpen(index, query, top, least, options);
  } finally {
    index.close();
  }
}

async function searchOpen(
  index: PhotoIndex,
  query: string | undefined,
  top: number,
  least: number,
  options: SearchIndexOptions,
): Promise<void> {
  const { json = false, under, from, to } = options;
  const model = openModel(options.model ?? index.model.path, warn);
  const { parts, isText } = await queryParts(model, query, options);
  const hasBias = isText && model.meaning([0]).name === "probability";
  const bias = hasBias ? model.b : undefined;
  const embedding = combine(parts);
  const search = { top, minProbability: least, t: model.t, bias, under, from, to };
  const found = searchPhotos(index, embedding, search);
  const fileOf = (file: string): string => join(index.folder, file);
  const results = found.map(({ rank, photo, similarity, probability, duplicates }) => ({
    file: fileOf(photo.file),
    probability,
    similarity,
    rank,
    ...(photo.taken === undefined ? {} : { taken: photo.taken }),
    ...(duplicates.length > 0 ? { duplicates: duplicates.map(({ file }) => fileOf(file)) } : {}),
  }));
  if (options.out !== undefined) {
    const words = describe(query, options);
    const shown = results.map(({ duplicates = [], ...result }) => ({ ...result, duplicates }));
    const page = await photoSheet(words, index.photos.length, shown);
    writeDurably(realFs, options.out, utf8(page));
    process.stderr.write(`sheet: ${printable(options.out)}\n`);
  }
  if (json) {
    print(JSON.stringify({ photos: index.photos.length, results }));
    return;
  }
  if (found.length === 0) {
    const [nearest] = searchPhotos(index, embedding, { ...search, top: 1, minProbability: 0 });
    const why = reasonOf(nearest?.probability, least, index, { under, from, to });
    process.stderr.write(`${printable(nothingFound(index.photos.length, why))}\n`);
  }
  for (const { rank, file, probability, similarity, duplicates = [] } of results) {
    const more = duplicates.length > 0 ? `  (and ${duplicates.length} that look the same)` : "";
    print(`${resultLine(rank, "probability", probability, similarity, file)}${more}`);
  }
}
