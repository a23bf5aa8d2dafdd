/** `siglip search`: which of these pictures do the words name? Without pictures: those that the run is tested on. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { PictureError, readPicture } from "../data/index.ts";
import { nearest } from "../eval/index.ts";
import { type Config, ConfigError } from "./config.ts";
import { embedPictures, embedTexts } from "./embed.ts";
import { openModel, pairProbability } from "./openModel.ts";
import { print } from "./print.ts";
import { showRendering } from "./rendering.ts";
import { openTests } from "./task.ts";

const PICTURE = /\.(png|jpe?g|webp|gif|avif|tiff?|svg)$/i;

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
  const { config, model, tokenizer } = openModel(run);
  const { names, pixels } = paths.length > 0 ? await readAll(paths, config) : await tested(config);
  const zimg = embedPictures(model, pixels, config.model.image.imageSize);
  const ztxt = embedTexts(model, tokenizer, [query], config.tokenizer.length);
  const results = nearest(ztxt, zimg, count).map(({ index, score }, i) => ({
    rank: i + 1,
    picture: names[index],
    score,
    probability: pairProbability(model, score),
  }));
  if (json) {
    print(JSON.stringify({ query, pictures: names.length, results }));
    return;
  }
  for (const { rank, picture, score, probability } of results) {
    print(
      `${String(rank).padStart(3)}  score ${score.toFixed(3).padStart(6)}  probability ${probability.toFixed(4)}  ${picture}`,
    );
  }
}

interface Gallery {
  readonly names: readonly string[];
  readonly pixels: Float32Array; // [N, side, side, 3]
}

async function tested(config: Config): Promise<Gallery> {
  const [{ pictures }] = (await openTests(config, showRendering())).sets;
  return pictures;
}

/** Pictures by path; of a folder, every file whose name ends like a picture's. What cannot be read is skipped with a warning. */
async function readAll(paths: readonly string[], config: Config): Promise<Gallery> {
  const side = config.model.image.imageSize;
  const files = paths.flatMap((path) =>
    statSync(path, { throwIfNoEntry: false })?.isDirectory()
      ? readdirSync(path, { recursive: true, encoding: "utf8" })
          .filter((name) => PICTURE.test(name))
          .sort()
          .map((name) => join(path, name))
      : [path],
  );
  const names: string[] = [];
  const pictures: Float32Array[] = [];
  for (const file of files) {
    try {
      pictures.push(await readPicture(file, side));
      names.push(file);
    } catch (error) {
      // One file asked for by name must be there; among the files of a folder some may be damaged.
      if (!(error instanceof PictureError) || paths.includes(file)) throw error;
      process.stderr.write(`warning: ${error.message}\n`);
    }
  }
  if (names.length === 0) throw new PictureError(`search: no picture in ${paths.join(", ")}; give files or a folder`);
  const pixels = new Float32Array(names.length * side * side * 3);
  pictures.forEach((picture, i) => {
    pixels.set(picture, i * side * side * 3);
  });
  return { names, pixels };
}
