/**
 * One training step of the emoji recipes on one device, its update included: batch 128 in two shards, towers of width 64. `emoji`
 * has four tokens an image and two views of each, and Muon; `emoji-paper` sixteen and one, and AdamW.
 *
 * Pixels and tokens are random: the time of a step does not depend on its data.
 */

import { resolveConfig } from "../src/run/config.ts";
import { buildModel, buildOptimizer, lossOf } from "../src/run/model.ts";
import { trainStep } from "../src/siglip/index.ts";
import { Rng } from "../src/tensor/index.ts";
import { profile } from "./profile.ts";
import { type BenchOptions, best, type Row } from "./row.ts";

const PRESETS = ["emoji", "emoji-paper"];

export function makeEmojiStep(preset: string): () => { loss: number; flops: number } {
  const config = resolveConfig(preset, []);
  const { batch, shards } = config.train;
  const { vocabSize, length } = config.tokenizer;
  const { imageSize } = config.model.image;
  const model = buildModel(config, vocabSize);
  const optimizer = buildOptimizer(config, model);
  const loss = lossOf(config);
  const rng = new Rng(1);
  const imageShape = [loss.views * batch, imageSize, imageSize, 3];
  const images = Float32Array.from({ length: imageShape[0] * imageSize ** 2 * 3 }, () => rng.between(-1, 1));
  const tokens = Int32Array.from({ length: batch * length }, () => rng.integer(vocabSize));
  const pairs = { images, imageShape, tokens };
  return () => trainStep({ model, optimizer, loss }, pairs, 1, { shards });
}

export async function* emojiBench({ profile: wanted }: BenchOptions): AsyncGenerator<Row> {
  for (const preset of PRESETS) {
    const step = makeEmojiStep(preset);
    const ms = 1e3 * best(step, 40, 20);
    const gflops = Number((step().flops / ms / 1e6).toFixed(1));
    yield { bench: "emoji", case: `${preset} step 128`, ms, gflops, ratio: {} };
    if (wanted) yield* profile(`emoji`, step);
  }
}
