/**
 * One training step of the emoji recipes on one device, its update included: batch 128 in two shards, towers of width 64. `emoji`
 * has four tokens an image and two views of each, and Muon; `emoji-paper` sixteen and one, and AdamW. Its rate stands beside that
 * of the inner loop of the matrix product alone.
 *
 * Pixels and tokens are random: the time of a step does not depend on its data.
 */

import { resolveConfig } from "../src/run/config.ts";
import { buildModel, buildOptimizer, lossOf } from "../src/run/model.ts";
import { trainStep } from "../src/siglip/index.ts";
import { Rng } from "../src/tensor/index.ts";
import { contest } from "./contest.ts";
import { profile } from "./profile.ts";
import { atLeast, type BenchOptions, holds, type Row } from "./row.ts";
import { tileAnchor } from "./tile.ts";

const PRESETS = ["emoji", "emoji-paper"];
const BAR = { tile: 0.65 };

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
    for (let i = 0; i < 20; i++) step();
    const { flops } = step();
    const tile = tileAnchor();
    const ratioAt = ([mine, ...theirs]: readonly number[]): Record<string, number> =>
      Object.fromEntries(tile.map(({ anchor, flop }, i) => [anchor, flops / mine / (flop / theirs[i])]));
    const enough = (seconds: readonly number[]) => holds(ratioAt(seconds), BAR) !== false;
    const seconds = contest([step, ...tile.map(({ run }) => run)], { leastRounds: 40, enough, mostMs: 10_000 });
    const [ms, gflops] = [1e3 * seconds[0], flops / seconds[0] / 1e9];
    yield atLeast({ bench: "emoji", case: `${preset} step 128`, ms, gflops, ratio: ratioAt(seconds) }, BAR);
    if (wanted) yield* profile(`emoji`, step);
  }
}
