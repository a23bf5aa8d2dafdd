/** The pairs that a run trains on, and the first of them as people can see them. */
import { newBatch, openPairs, type Pairs, type PairsSpec, rowsBetween, toBytes } from "../data/index.ts";
import type { BatchRow } from "../report/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { Config } from "./config.ts";
import type { TrainingData } from "./dataSet.ts";
import { lossOf } from "./model.ts";

const ROWS = 12;

/** Opens the pairs of a specification with the views and the label noise of a run. */
export function openRunPairs(spec: PairsSpec, config: Config, alive?: () => void): Promise<Pairs> {
  const { noise, noiseProbability } = config.data;
  const spoiled = noise === "none" ? {} : { noise: { kind: noise, probability: noiseProbability } };
  return openPairs({ ...spec, views: lossOf(config).views, ...spoiled }, alive);
}

/** The first rows of the first batch of a run; without pictures if it trains on embeddings. */
export function firstRows(pairs: Pairs, { train: { seed, batch } }: Config, tokenizer: Tokenizer): BatchRow[] {
  const rows = Math.min(ROWS, batch);
  const first = pairs.batch(seed, 0, batch, newBatch(rows, pairs), 0);
  const [side] = pairs.imageShape;
  const showsPictures = pairs.imageShape.length === 3;
  return Array.from({ length: rows }, (_, row) => {
    const { images, tokens } = rowsBetween(first, row, row + 1);
    const size = images.length / pairs.views;
    const pictures = Array.from({ length: showsPictures ? pairs.views : 0 }, (_, view) => ({
      side,
      rgb: (pairs.toRgb ?? toBytes)(images.subarray(view * size, (view + 1) * size)),
    }));
    return { pictures, tokens: tokenTexts(tokens, tokenizer) };
  });
}

/** The first rows as a page of their own: what the model sees of its data. */
export async function firstBatchPage({ pairs }: TrainingData, config: Config, tokenizer: Tokenizer): Promise<string> {
  const { renderFirstBatch } = await import("../report/index.ts");
  const opened = await openRunPairs({ ...pairs, tokenizer: tokenizer.toJSON() }, config);
  return renderFirstBatch(firstRows(opened, config, tokenizer));
}

/** The text of each token up to the end; "▪" for one that holds only a part of a character. A first token may be without text. */
export function tokenTexts(ids: Int32Array, tokenizer: Tokenizer): string[] {
  const end = ids.indexOf(tokenizer.end);
  let known = 0; // characters of the tokens before
  return Array.from(end < 0 ? ids : ids.subarray(0, end), (_, i) => {
    const decoded = tokenizer.decode(ids.subarray(0, i + 1));
    const text = decoded.replace(/\ufffd+$/, "");
    const own = text.slice(known);
    known = Math.max(known, text.length);
    return own === "" && text !== decoded ? "▪" : own;
  }).filter((text) => text !== "");
}
