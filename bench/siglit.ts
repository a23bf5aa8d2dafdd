/**
 * Steps of `--preset emoji-siglit` at large batches, on two devices: the text tower, the loss and AdamW, on embeddings in place
 * of images. They are random, since the time of a step does not depend on its data and no data here fills such a batch.
 *
 * Only the embeddings and the tokens of a batch grow with it: the text tower runs shard by shard, and if the activations of all
 * shards would take more than a gigabyte, each is recomputed.
 */
import { launch, threadFile } from "../src/parallel/launch.ts";
import { resolveConfig } from "../src/run/config.ts";
import type { Row } from "./row.ts";
import type { SiglitTimes } from "./siglitDevice.ts";

const BATCHES = [4096, 16_384, 65_536];
const DEVICES = 2;
/** Pairs in a shard, a micro-batch of the text tower. */
const SHARD = 2048;
const ROUNDS = 2;

export async function* siglitBench(): AsyncGenerator<Row> {
  for (const batch of BATCHES) {
    const shards = batch / SHARD;
    const config = resolveConfig("emoji-siglit", [`train.batch=${batch}`, `train.shards=${shards}`]);
    const file = threadFile("./siglitDevice", import.meta.url);
    const job = { config, rounds: ROUNDS };
    const times = await launch<typeof job, SiglitTimes>(file, DEVICES, job).results;
    const seconds = Math.max(...times.map((each) => each.seconds));
    const peakBytes = Math.max(...times.map((each) => each.peakBytes));
    const figures = { seconds, pairsPerSecond: batch / seconds, shards, peakBytes };
    yield { bench: "siglit", case: `text tower, B ${batch}`, ...figures, ratio: {} };
  }
}
