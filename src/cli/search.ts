/** `siglip search`: which pictures match these words? By default among the test pictures of the run. */
import { existsSync } from "node:fs";
import { nearest } from "../eval/index.ts";
import { printable } from "../formats/index.ts";
import { findIndex } from "../photos/index.ts";
import {
  ConfigError,
  checkTexts,
  embedPictures,
  embedTexts,
  type Gallery,
  type OpenModel,
  openModel,
  openTests,
} from "../run/index.ts";
import { givenPictures } from "./givenPictures.ts";
import { opening } from "./opening.ts";
import { print, warn } from "./print.ts";
import { resultLine } from "./resultLine.ts";
import { type SearchIndexOptions, searchIndex } from "./searchIndex.ts";

export async function search(
  run: string,
  query: string | undefined,
  paths: readonly string[],
  options: SearchIndexOptions,
): Promise<void> {
  if (findIndex(run) !== undefined) return searchIndex(run, query, options);
  const { top, json = false } = options;
  if (query === undefined) {
    throw new ConfigError([
      { code: "CONFIG_RANGE", key: "search", detail: "the query is missing; write what to look for" },
    ]);
  }
  const count = Number(top);
  if (!Number.isInteger(count) || count < 1) {
    const detail = `--top ${top} is not an integer of at least 1`;
    throw new ConfigError([{ code: "CONFIG_RANGE", key: "--top", detail }]);
  }
  refuseWords(paths);
  const opened = openModel(run, warn);
  const { tokenizer, textLength } = opened;
  for (const warning of checkTexts("search: the query", tokenizer, [query], textLength)) warn(warning);
  const { names, zimg, skipped } =
    paths.length > 0 ? await givenPictures("search", paths, opened) : await tested(opened);
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
  if (name === "probability" && values[0] < 0.5) {
    process.stderr.write("no picture matches with a probability of 0.5 or more; these are the nearest\n");
  }
  ranking.slice(0, count).forEach(({ index, score }, i) => {
    print(resultLine(i + 1, name, values[i], score, names[index]));
  });
}

/** Throws `ConfigError` if a path is a word: a query without quotes, of which the shell made several arguments. */
function refuseWords(paths: readonly string[]): void {
  const word = paths.find((path) => !/[./\\]/.test(path) && !existsSync(path));
  if (word === undefined) return;
  const detail = `search: there is no picture or folder ${printable(word)}; put a query of several words in quotes`;
  throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "pictures", detail }]);
}

/** The test pictures of the run. */
async function tested(opened: OpenModel): Promise<Gallery> {
  if (!opened.run) {
    const detail = `search: ${opened.path} is no run, so it has no test pictures; give pictures or folders to search`;
    throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "pictures", detail }]);
  }
  const [{ pictures }] = (await openTests(opened.run, opening())).sets;
  const zimg = embedPictures(opened, pictures);
  return { names: pictures.names, zimg, skipped: {}, mostlyCut: 0, kinds: {} };
}
