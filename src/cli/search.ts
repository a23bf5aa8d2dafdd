/** `siglip search`: which pictures match these words? By default among the test pictures of the run. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { nearest } from "../eval/index.ts";
import { printable } from "../formats/index.ts";
import { findIndex } from "../photos/index.ts";
import {
  ConfigError,
  checkTexts,
  embedPictures,
  embedTexts,
  type Gallery,
  newestRun,
  type OpenModel,
  openModel,
  openTests,
} from "../run/index.ts";
import { givenPictures } from "./givenPictures.ts";
import { commandLine } from "./invocation.ts";
import { opening } from "./opening.ts";
import { print, warn } from "./print.ts";
import { nothingFound, resultLine, tooImprobable } from "./resultLine.ts";
import { type SearchIndexOptions, searchIndex } from "./searchIndex.ts";

/** A picture matches from this probability on. */
const PROBABLE = 0.5;

export async function search(
  run: string,
  query: string | undefined,
  paths: readonly string[],
  options: SearchIndexOptions,
): Promise<void> {
  if (findIndex(run) !== undefined) {
    refuseOthers(paths);
    return searchIndex(run, query, options);
  }
  refuseIndexOptions(options);
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
  refuseNoModel(run);
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
  if (name === "probability" && values[0] < PROBABLE) {
    const why = `${tooImprobable(values[0], PROBABLE)}; the nearest are listed`;
    process.stderr.write(`${nothingFound(names.length, why)}\n`);
  }
  ranking.slice(0, count).forEach(({ index, score }, i) => {
    print(resultLine(i + 1, name, values[i], score, names[index]));
  });
}

/** Throws `ConfigError` if pictures are named beside an index: often the words of a query without quotes. */
function refuseOthers(paths: readonly string[]): void {
  if (paths.length === 0) return;
  const detail = `search: ${printable(paths[0])} was given beside an index, which has its own pictures; put a query of several words in quotes`;
  throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "pictures", detail }]);
}

/** Files of runs and models. */
const OF_MODEL = /\.(json|safetensors|npz|bin|pt)$/;

/** Throws `ConfigError` if a path can be neither an index nor a model. */
function refuseNoModel(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found && (!found.isDirectory() || readdirSync(path).some((name) => OF_MODEL.test(name)))) return;
  const run = found && newestRun(path);
  const index = `make an index with ${commandLine(["index", path, "--model"])} MODEL, or write a model in its place and the folder last`;
  const remedy = run === undefined ? index : `it holds runs: name one of them, such as ${run}`;
  const detail = found
    ? `search: ${printable(path)} has no index and is no model; ${printable(remedy)}`
    : `search: ${printable(path)} does not exist; give an index or its folder of pictures, a run, a saved model, or released weights`;
  throw new ConfigError([{ code: "CONFIG_RANGE", key: "search", detail }]);
}

/** Throws `ConfigError` if an option was given that only a search with an index has. */
function refuseIndexOptions({ top: _top, json: _json, ...others }: SearchIndexOptions): void {
  const [given] = Object.keys(others);
  if (given === undefined) return;
  const option = `--${given.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
  const detail = `search: ${option} needs an index; make one with ${commandLine(["index"])} FOLDER --model MODEL, and search FOLDER`;
  throw new ConfigError([{ code: "CONFIG_COMBINATION", key: option, detail }]);
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
  process.stderr.write(
    `searching the ${pictures.names.length} test pictures of the run; give others after the query\n`,
  );
  const zimg = embedPictures(opened, pictures);
  return { names: pictures.names, zimg, skipped: {}, mostlyCut: 0, kinds: {} };
}
