/** `siglip search`: which pictures match these words? By default among the test pictures of the run. */
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
  return { names: pictures.names, zimg, skipped: {}, mostlyCut: 0, kinds: {} };
}
