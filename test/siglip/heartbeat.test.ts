/** Work of every kind sends heartbeats often enough for those who wait for a device. */
import { afterEach, expect, it } from "vitest";
import { drawScene, sceneOf } from "../../src/data/index.ts";
import { trainingLosses, trainStep } from "../../src/siglip/index.ts";
import {
  addSoftmaxGradients,
  addSoftmaxSums,
  emptySoftmaxSums,
  heap,
  Rng,
  sigmoidBlock,
  zeros,
} from "../../src/tensor/index.ts";
import { tinyBatch, tinyModel, tinyOptimizer } from "../support/tinyModel.ts";

afterEach(() => {
  heap.onWork = undefined;
});

/** Heartbeats during `body`. */
function heartbeatsIn(body: () => void): number {
  let count = 0;
  heap.onWork = () => {
    count++;
  };
  body();
  heap.onWork = undefined;
  return count;
}

it("building a model gives one for every parameter, an embedding and a step one for every operation", () => {
  const model = tinyModel();
  const optimizer = tinyOptimizer(model);
  const batch = tinyBatch(4);
  expect(heartbeatsIn(tinyModel)).toBeGreaterThan(40);
  expect(heartbeatsIn(() => model.embedTexts(batch.tokens))).toBeGreaterThan(10);
  expect(heartbeatsIn(() => trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, batch, 1))).toBeGreaterThan(
    200,
  );
});

it("a block of pairs gives one for every column of tiles, however many pairs", () => {
  const [n, m, d] = [1600, 2000, 2];
  const [x, y] = [zeros([n, d]), zeros([m, d])];
  const [rows, columns] = [emptySoftmaxSums(n, "f32"), emptySoftmaxSums(m, "f32")];
  const [ofRows, ofColumns] = [n, m].map((count) => ({ tops: zeros([count]), weights: zeros([count]) }));
  for (const work of [
    () => sigmoidBlock(x, y, 10, -10, false, zeros([n, d]), zeros([m, d])),
    () => addSoftmaxSums(x, y, 10, rows, columns),
    () => addSoftmaxGradients(x, y, 10, ofRows, ofColumns, zeros([n, d]), zeros([m, d])),
  ]) {
    expect(heartbeatsIn(work)).toBeGreaterThan((n * m) / (1000 * 300));
  }
});

it("drawing a scene gives one", () => {
  expect(heartbeatsIn(() => drawScene(sceneOf(0), new Rng(0), 8, new Float32Array(8 * 8 * 3), 0))).toBe(1);
});
