/**
 * One training step of the emoji recipe on one device: batch 128 in two shards, towers of width 64, AdamW included.
 *
 * Pixels and tokens are random: the time of a step does not depend on its data.
 */

import { resolveConfig } from "../src/run/config.ts";
import { buildModel, buildOptimizer } from "../src/run/model.ts";
import { trainingLosses, trainStep } from "../src/siglip/index.ts";
import { Rng } from "../src/tensor/index.ts";
import { profile } from "./profile.ts";
import { type BenchOptions, best, type Row } from "./row.ts";

export function makeEmojiStep(): () => { loss: number } {
  const config = resolveConfig("emoji", []);
  const { batch, shards } = config.train;
  const { vocabSize, length } = config.tokenizer;
  const { imageSize } = config.model.image;
  const model = buildModel(config, vocabSize);
  const optimizer = buildOptimizer(config, model);
  const rng = new Rng(1);
  const images = Float32Array.from({ length: batch * imageSize ** 2 * 3 }, () => rng.between(-1, 1));
  const tokens = Int32Array.from({ length: batch * length }, () => rng.integer(vocabSize));
  const pairs = { images, imageShape: [batch, imageSize, imageSize, 3], tokens };
  return () => trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, pairs, 1, { shards });
}

export async function* emojiBench({ profile: wanted }: BenchOptions): AsyncGenerator<Row> {
  const step = makeEmojiStep();
  const ms = 1e3 * best(step, 40, 20);
  yield { bench: "emoji", case: "emoji step 128", ms, ratio: {} };
  if (wanted) yield* profile("emoji", step);
}
