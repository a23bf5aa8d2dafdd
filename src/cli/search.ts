/** `siglip search`: which pictures match these words? By default among the test pictures of the run. */
import {
  filesOf,
  PictureError,
  type PreparedPicture,
  type PreparePicture,
  readPicture,
  sniffFile,
} from "../data/index.ts";
import { nearest } from "../eval/index.ts";
import { printable } from "../formats/index.ts";
import {
  ConfigError,
  checkTexts,
  embedPictures,
  embedTexts,
  meaningOf,
  openModel,
  openTests,
  trims,
} from "../run/index.ts";
import { opening } from "./opening.ts";
import { print, warn } from "./print.ts";

export async function search(
  run: string,
  query: string,
  paths: readonly string[],
  { top, json = false }: { top: string; json?: boolean },
): Promise<void> {
  const count = Number(top);
  if (!Number.isInteger(count) || count < 1) {
    const detail = `--top ${top} is not an integer of at least 1`;
    throw new ConfigError([{ code: "CONFIG_RANGE", key: "--top", detail }]);
  }
  const opened = openModel(run, warn);
  const { config, model, tokenizer } = opened;
  for (const warning of checkTexts("search: the query", tokenizer, [query], config.tokenizer.length)) warn(warning);
  const { names, zimg, skipped } = paths.length > 0 ? await readAll(paths, opened) : await tested(opened);
  const ztxt = embedTexts(model, tokenizer, [query], config.tokenizer.length);
  const ranking = nearest(ztxt, zimg, names.length);
  const { name, values } = meaningOf(
    config,
    model,
    ranking.map(({ score }) => score),
  );
  const results = ranking.slice(0, count).map(({ index, score }, i) => ({
    rank: i + 1,
    picture: names[index],
    score,
    [name]: values[i],
  }));
  if (json) {
    print(JSON.stringify({ query, pictures: names.length, skipped, results }));
    return;
  }
  ranking.slice(0, count).forEach(({ index, score }, i) => {
    const rank = String(i + 1).padStart(3);
    print(
      `${rank}  score ${score.toFixed(3).padStart(6)}  ${name} ${values[i].toFixed(4)}  ${printable(names[index])}`,
    );
  });
}

type OpenedModel = ReturnType<typeof openModel>;

interface Gallery {
  readonly names: readonly string[];
  readonly zimg: Float32Array; // [N, d]
  /** Number of skipped files by kind. */
  readonly skipped: Readonly<Record<string, number>>;
}

async function tested({ config, model }: OpenedModel): Promise<Gallery> {
  const [{ pictures }] = (await openTests(config, opening())).sets;
  return { names: pictures.names, zimg: embedPictures(model, pictures), skipped: {} };
}

/** Unreadable files with such a name are worth a warning. */
const PICTURE_NAME = /\.(png|jpe?g|jpe|jfif|webp|gif|avif|tiff?|svg)$/i;

/** Pictures in memory at a time. */
const AT_ONCE = 256;

/** Reads and embeds pictures by path, folders recursively. Unreadable files are skipped and counted. */
async function readAll(paths: readonly string[], { config, model }: OpenedModel): Promise<Gallery> {
  const { imageSize: side } = config.model.image;
  const names: string[] = [];
  const embedded: Float32Array[] = [];
  const skipped: Record<string, number> = {};
  let waiting: Float32Array[] = [];
  let mostlyCut = 0;
  const embed = (): void => {
    const pixels = (from?: number, end?: number): Float32Array => joined(waiting.slice(from, end));
    embedded.push(embedPictures(model, { count: waiting.length, side, pixels }));
    waiting = [];
  };
  const named = new Set(paths);
  for (const file of filesOf(paths, warn)) {
    const read = await readOne(file, { side, trim: trims(config) }, named.has(file));
    if (typeof read === "string") {
      skipped[read] = (skipped[read] ?? 0) + 1;
      continue;
    }
    names.push(file);
    waiting.push(read.pixels);
    if (read.cutOff > 0.5) mostlyCut++;
    if (waiting.length === AT_ONCE) embed();
  }
  if (waiting.length > 0) embed();
  const skippedText = Object.keys(skipped).length > 0 ? `skipped: ${kindsInWords(skipped)}` : undefined;
  if (names.length === 0) {
    const what = `no readable picture in ${paths.map(printable).join(", ")}`;
    throw new PictureError(
      `search: ${what}${skippedText ? ` (${skippedText})` : ""}; give files or a folder`,
      "missing",
    );
  }
  if (skippedText !== undefined) process.stderr.write(`${skippedText}\n`);
  if (mostlyCut > 0) {
    const how = "cropped to the drawing in them and lost more than half of their area";
    process.stderr.write(`${mostlyCut} of ${names.length} pictures were ${how}\n`);
  }
  return { names, zimg: joined(embedded), skipped };
}

/** One array after the other. */
function joined(arrays: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(arrays.reduce((length, array) => length + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    out.set(array, at);
    at += array.length;
  }
  return out;
}

/** A picture, or the kind of a skipped file. In a folder, files that are not pictures cause no warning. */
async function readOne(file: string, prepare: PreparePicture, isNamed: boolean): Promise<PreparedPicture | string> {
  try {
    const { is, kind } = await sniffFile(file);
    if (is !== "readable" && !isNamed && !(is === "other" && PICTURE_NAME.test(file))) return kind;
    return await readPicture(file, prepare); // or throws, with the kind of the file
  } catch (error) {
    if (!(error instanceof PictureError)) throw error;
    warn(error.message);
    return error.kind;
  }
}

/** Known picture formats that cannot be read. */
const UNREADABLE: Readonly<Record<string, string>> = {
  heic: "HEIC",
  bmp: "BMP",
  jxl: "JPEG XL",
  jp2: "JPEG 2000",
  psd: "Photoshop",
};

/** `214 HEIC, 3 BMP (cannot be read here), 1 damaged, 12 other files` */
function kindsInWords(skipped: Readonly<Record<string, number>>): string {
  const known = Object.keys(UNREADABLE).filter((kind) => kind in skipped);
  const { damaged = 0 } = skipped;
  const others = Object.entries(skipped).filter(([kind]) => kind !== "damaged" && !known.includes(kind));
  const other = others.reduce((sum, [, count]) => sum + count, 0);
  return [
    ...(known.length > 0
      ? [`${known.map((kind) => `${skipped[kind]} ${UNREADABLE[kind]}`).join(", ")} (cannot be read here)`]
      : []),
    ...(damaged > 0 ? [`${damaged} damaged`] : []),
    ...(other > 0 ? [`${other} other ${other === 1 ? "file" : "files"}`] : []),
  ].join(", ");
}
