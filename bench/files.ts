/**
 * Images a second while training on own pictures, against what the engine alone does.
 *
 * Photographs of noise are read and decoded once, into a cache, before the first step. A step then draws its batch from them: cropped,
 * resized and changed at random, two views of each. The engine alone takes one such batch again and again. Both run on one device, in turn.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { openRunPairs } from "../src/run/firstBatch.ts";
import { filesRecipe, openTraining, resolveConfig } from "../src/run/index.ts";
import { buildModel, buildOptimizer, lossOf } from "../src/run/model.ts";
import { trainStep } from "../src/siglip/index.ts";
import { atLeast, best, type Row } from "./row.ts";

const IMAGES = 1000;
const [WIDTH, HEIGHT] = [640, 480];
const ROUNDS = 5;
const STEPS = 5;

/** Writes noisy photographs, each with a caption of its own beside it. */
async function writePhotographs(folder: string): Promise<void> {
  mkdirSync(folder);
  for (let i = 0; i < IMAGES; i++) {
    const noise = { type: "gaussian", mean: 60 + (i % 128), sigma: 40 } as const;
    const create = { width: WIDTH / 4, height: HEIGHT / 4, channels: 3 as const, background: "#888", noise };
    writeFileSync(join(folder, `${i}.jpg`), await sharp({ create }).resize(WIDTH, HEIGHT).jpeg().toBuffer());
    writeFileSync(join(folder, `${i}.txt`), `photograph number ${i}`);
  }
}

export async function* filesBench(): AsyncGenerator<Row> {
  const folder = mkdtempSync(join(tmpdir(), "siglip-bench-"));
  try {
    const photographs = join(folder, "photographs");
    await writePhotographs(photographs);
    const recipe = filesRecipe({ images: IMAGES, start: "nothing", isLocked: false });
    const set = [`data.path=${photographs}`, "data.testShare=0", "train.shards=2"];
    const config = resolveConfig("files", [...recipe, ...set]);
    const begun = performance.now();
    const { pairs: spec, tokenizer } = await openTraining(config, {
      cache: join(folder, "cache"),
      threads: availableParallelism(),
    });
    const seconds = (performance.now() - begun) / 1e3;
    const size = `${WIDTH} × ${HEIGHT}`;
    yield { bench: "files", case: `reading JPEGs of ${size}, once`, imagesPerSecond: IMAGES / seconds, ratio: {} };

    const { batch, shards, seed } = config.train;
    const pairs = await openRunPairs(spec, config);
    const model = buildModel(config, tokenizer.vocabSize);
    const parts = { model, optimizer: buildOptimizer(config, model), loss: lossOf(config) };
    const drawn = pairs.batch(seed, 0, batch);
    const alone = (): void => void trainStep(parts, drawn, 1, { shards });
    let step = 0;
    const withImages = (): void => void trainStep(parts, pairs.batch(seed, step++, batch, drawn), 1, { shards });
    const [own, engine] = inTurn([withImages, alone]);
    const figures = { imagesPerSecond: batch / own, engineAlone: batch / engine, ms: 1e3 * own };
    yield atLeast(
      { bench: "files", case: `training, batch ${batch}`, ...figures, ratio: { engine: engine / own } },
      { engine: 0.8 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The best time of each function, in seconds, timed in turn so that a busy machine slows all. */
function inTurn(runs: readonly (() => void)[]): number[] {
  const least = runs.map(() => Number.POSITIVE_INFINITY);
  for (let round = 0; round < ROUNDS; round++) {
    runs.forEach((run, i) => {
      least[i] = Math.min(least[i], best(run, STEPS, round === 0 ? STEPS : 0));
    });
  }
  return least;
}
