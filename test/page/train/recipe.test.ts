/** The recipe of the page is the preset `emoji` of the command line. */
import { expect, it } from "vitest";
import * as recipe from "../../../page/train/recipe.ts";
import { parametersOf } from "../../../src/nn/index.ts";
import { modelConfig, resolveConfig } from "../../../src/run/config.ts";
import { buildOptimizer, lossOf } from "../../../src/run/model.ts";
import type { SigLip } from "../../../src/siglip/index.ts";
import { full } from "../../../src/tensor/index.ts";

const config = resolveConfig("emoji", [`train.steps=${recipe.STEPS}`]);

const weightsOf = (model: SigLip): number[][] => [...parametersOf(model).values()].map(({ value }) => [...value.data]);

it("has the model and the loss of the preset", () => {
  expect(recipe.modelConfig(700)).toEqual(modelConfig(config, 700));
  expect(recipe.loss.name).toBe(lossOf(config).name);
  expect([recipe.BATCH, recipe.SHARDS, recipe.LENGTH]).toEqual([
    config.train.batch,
    config.train.shards,
    config.tokenizer.length,
  ]);
});

it("moves every parameter as the optimizer of the preset does", () => {
  const [one, other] = [0, 0].map((seed) => recipe.newModel(seed, 300));
  const optimizers = [recipe.newOptimizer(one), buildOptimizer(config, other)];
  for (const model of [one, other]) {
    for (const parameter of parametersOf(model).values()) parameter.grad = full(parameter.shape, 0.01, "f32");
  }
  for (const optimizer of optimizers) optimizer.step(1);
  expect(weightsOf(one)).toEqual(weightsOf(other));
});
