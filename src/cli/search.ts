/** `siglip search`: which pictures match these words? By default among the test pictures of the run. */
import { PictureError } from "../data/index.ts";
import { nearest } from "../eval/index.ts";
import { printable } from "../formats/index.ts";
import {
  ConfigError,
  checkTexts,
  embedFiles,
  embedPictures,
  embedTexts,
  type Gallery,
  type OpenModel,
  openModel,
  openTests,
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
  const { tokenizer, textLength } = opened;
  for (const warning of checkTexts("search: the query", tokenizer, [query], textLength)) warn(warning);
  const { names, zimg, skipped } = paths.length > 0 ? await given(paths, opened) : await tested(opened);
  const ztxt = embedTexts(opened, tokenizer, [query], textLength);
  const ranking = nearest(ztxt, zimg, names.length);
  const { name, values } = opened.meaning(ranking.map(({ score }) => score));
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

/** The test pictures of the run. */
async function tested(opened: OpenModel): Promise<Gallery> {
  if (!opened.run) {
    const detail = `search: ${opened.path} is no run, so it has no test pictures; give pictures or folders to search`;
    throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "pictures", detail }]);
  }
  const [{ pictures }] = (await openTests(opened.run, opening())).sets;
  const zimg = embedPictures(opened, pictures);
  return { names: pictures.names, zimg, skipped: {}, mostlyCut: 0 };
}

/** The pictures of files and folders, with a note of what was skipped or mostly cut off. Throws if none is left. */
async function given(paths: readonly string[], opened: OpenModel): Promise<Gallery> {
  const gallery = await embedFiles(paths, opened, warn);
  const { names, skipped, mostlyCut } = gallery;
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
  return gallery;
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
