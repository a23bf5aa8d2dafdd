/** A device of the SigLiT bench: steps of a text tower on random embeddings in place of images. */
import { runDevice } from "../src/parallel/launch.ts";
import type { Config } from "../src/run/config.ts";
import { buildModel, buildOptimizer } from "../src/run/model.ts";
import { trainingLosses, trainStep } from "../src/siglip/index.ts";
import { heap, l2Normalize, Rng, scope, tensor } from "../src/tensor/index.ts";

export interface SiglitTimes {
  /** Best seconds of a step. */
  readonly seconds: number;
  /** Peak bytes of this device's heap in a step. */
  readonly peakBytes: number;
}

runDevice<{ config: Config; rounds: number }, SiglitTimes>(({ comm, config: { config, rounds }, step }) => {
  const { batch, shards } = config.train;
  const { vocabSize, length } = config.tokenizer;
  const { embedDim } = config.model;
  const model = buildModel(config, vocabSize);
  const optimizer = buildOptimizer(config, model);
  const rng = new Rng(1).split(comm.rank);
  const rows = batch / comm.size;
  const images = scope(() => {
    const drawn = Float32Array.from({ length: rows * embedDim }, () => rng.normal());
    return Float32Array.from(l2Normalize(tensor(drawn, [rows, embedDim]), 1e-8).value.data as Float32Array);
  });
  const tokens = Int32Array.from({ length: rows * length }, () => rng.integer(vocabSize));
  const pairs = { images, imageShape: [rows, embedDim], tokens };
  let seconds = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    step(round);
    heap.peakBytes = heap.liveBytes;
    comm.barrier();
    const start = performance.now();
    trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, pairs, 1, { comm, shards });
    seconds = Math.min(seconds, (performance.now() - start) / 1e3);
  }
  return { seconds, peakBytes: heap.peakBytes };
});
