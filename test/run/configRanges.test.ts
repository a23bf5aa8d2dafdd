/** Every allowed configuration trains: the ends of every range, on an otherwise tiny model. */
import { describe, expect, it } from "vitest";
import { NonFiniteError } from "../../src/nn/index.ts";
import { ConfigError, resolveConfig } from "../../src/run/config.ts";
import { buildModel, buildOptimizer } from "../../src/run/model.ts";
import { buildSchedules } from "../../src/run/schedules.ts";
import { trainingLosses, trainStep } from "../../src/siglip/index.ts";
import { Rng, scope } from "../../src/tensor/index.ts";
import { tinyBatch } from "../support/tinyModel.ts";

const TINY = [
  "train.steps=3", "train.batch=4", "optim.warmup=0", "model.embedDim=8", "tokenizer.length=4",
  "model.image.imageSize=4", "model.image.patchSize=4",
  ...["image", "text"].flatMap((tower) => [`model.${tower}.depth=1`, `model.${tower}.width=8`, `model.${tower}.mlpDim=8`]),
]; // biome-ignore format: groups of keys

const VOCABULARY = 300;

/** The losses of three steps. */
function losses(settings: readonly string[]): number[] {
  return scope(() => {
    const config = resolveConfig("emoji-paper", [...TINY, ...settings]);
    const model = buildModel(config, VOCABULARY);
    const optimizer = buildOptimizer(config, model);
    const { factorOf } = buildSchedules(config, 10);
    const { batch, loss, shards, steps } = config.train;
    const shape = { image: config.model.image, text: { vocabSize: VOCABULARY, length: config.tokenizer.length } };
    return Array.from({ length: steps }, (_, index) => {
      const rows = { ...tinyBatch(batch, index, shape), rng: new Rng(index) };
      return trainStep({ model, optimizer, loss: trainingLosses[loss] }, rows, factorOf(index), { shards }).loss;
    });
  });
}

describe("at the end of its range", () => {
  it.each([
    ["tokenizer.length=2"],
    ["tokenizer.length=512"],
    ["model.image.imageSize=4", "model.image.patchSize=1"],
    ["model.image.imageSize=256", "model.image.patchSize=256"],
    ["model.image.width=1", "model.image.numHeads=1"],
    ["model.text.width=1", "model.text.numHeads=1"],
    ["model.image.width=1024", "model.image.numHeads=128"],
    ["model.image.numHeads=8"],
    ["model.text.numHeads=8"],
    ["model.image.depth=64"],
    ["model.text.depth=64"],
    ["model.image.mlpDim=1"],
    ["model.text.mlpDim=32768"],
    ["model.image.posEmb=sincos2d"],
    ["model.image.pooling=tok"],
    ["model.image.pooling=max", "model.text.pooling=max"],
    ["model.image.pooling=first", "model.text.pooling=first"],
    ["model.image.gelu=erf", "model.text.gelu=erf"],
    ["model.image.repSize=1"],
    ["model.image.repSize=8192"],
    ["model.image.patchSize=1", "model.image.patchDropout=0.99"],
    ["model.image.patchDropout=0.5"],
    ["model.text.bottleneck=1"],
    ["model.text.bottleneck=8192"],
    ["model.embedDim=1"],
    ["model.embedDim=8192"],
    ["model.temperatureInit=1e-30"],
    ["model.temperatureInit=1e-30"],
    ["model.temperatureInit=1000"],
    ["model.biasInit=-100"],
    ["model.biasInit=100"],
    ["train.batch=1", "train.shards=1", "model.biasInit=0"],
    ["train.batch=1", "train.shards=1", "model.biasInit=0", "train.loss=softmax"],
    ["train.batch=2"],
    ["train.batch=256", "train.shards=256"],
    ["train.steps=1"],
    ["train.seed=4294967295"],
    ["optim.lr=5e-324"],
    ["optim.lr=10"],
    ["optim.beta1=0", "optim.beta2=0"],
    ["optim.beta1=0.9999999", "optim.beta2=0.9999999"],
    ["optim.eps=1e-38"],
    ["optim.eps=1"],
    ["optim.weightDecay=0"],
    ["optim.weightDecay=1"],
    ["optim.clipNorm=5e-324"],
    ["optim.clipNorm=1e9"],
    ["optim.warmup=100%"],
    ["optim.cooldown=100%"],
    ["optim.warmup=0.0001%"],
    ["optim.schedule=rsqrt"],
    ["optim.multipliers=[]"],
    ["optim.name=adafactor"],
    ["optim.name=lion", "optim.lr=10"],
    ["optim.name=adam", "optim.weightDecay=1"],
    ["optim.name=sgd", "optim.beta1=0"],
    ["optim.name=muon", "optim.matrixLr=10"],
    ['optim.frozen=["image/.*","b"]'],
    ['optim.multipliers=[{"match":".*","lr":0,"decay":0}]'],
  ])("%s trains", (...settings) => {
    for (const loss of losses(settings)) expect(loss).toBeGreaterThanOrEqual(0); // NaN is not
  });

  it('optim.multipliers=[{"match":".*","lr":1000,"decay":1000}] trains, or ends with the name of what is not finite', () => {
    const settings = [
      'optim.multipliers=[{"match":".*","lr":1000,"decay":1000}]',
      "optim.weightDecay=1",
      "train.steps=30",
    ];
    expect(() => losses(settings)).toThrow(NonFiniteError);
  });

  it.each([
    ["tokenizer.length", 1, 513],
    ["tokenizer.vocabSize", 299, 1_000_001],
    ["model.image.imageSize", 3, 1025],
    ["model.image.patchSize", 0, 257],
    ["model.image.width", 0, 8193],
    ["model.image.depth", 0, 65],
    ["model.image.repSize", -1, 8193],
    ["model.image.patchDropout", -0.1, 1],
    ["model.text.bottleneck", -1, 8193],
    ["model.text.mlpDim", 0, 32_769],
    ["model.text.numHeads", 0, 129],
    ["model.embedDim", 0, 8193],
    ["model.temperatureInit", 0, 1001],
    ["model.biasInit", -101, 101],
    ["train.steps", 0, 100_000_001],
    ["train.batch", 0, 65_537],
    ["train.shards", 0, 4097],
    ["train.seed", -1, 2 ** 32],
    ["optim.lr", 0, 10.1],
    ["optim.matrixLr", 0, 10.1],
    ["optim.beta1", -0.1, 1],
    ["optim.eps", 0, 1.1],
    ["optim.weightDecay", -0.1, 1.1],
    ["optim.clipNorm", 0, 1.1e9],
    ["checkpoint.every", 0, 1e9 + 1],
    ["checkpoint.keep", 1, 101],
    ["eval.every", 0, 1e9 + 1],
    ["log.every", 0, 1e9 + 1],
    ["data.strokeProbability", -0.1, 1.1],
    ["data.keywordProbability", -0.1, 1.1],
    ["data.noiseProbability", -0.1, 1.1],
    ["loss.ratio", 0, 1.1],
  ])("%s is refused outside of it", (key, below, above) => {
    for (const value of [below, above, Number.NaN, Number.POSITIVE_INFINITY, ""]) {
      expect(() => resolveConfig("emoji-paper", [`${key}=${value}`])).toThrow(ConfigError);
      expect(() => resolveConfig("emoji-paper", [`${key}=${value}`])).toThrow(`config: ${key} = `);
    }
  });
});

it.each(["train.batch", "train.seed", "train.shards", "train.steps"])("%s is read as decimal digits only", (key) => {
  for (const value of ["0x10", "0b1", "1_0", "1,0", "", " ", "8n", "Infinity", "٨"]) {
    expect(() => resolveConfig("emoji-paper", [`${key}=${value}`])).toThrow(ConfigError);
  }
  for (const value of ["128", " 128", "128.0", "1.28e2", "+128"]) {
    const { train } = resolveConfig("emoji-paper", ["train.shards=1", `${key}=${value}`]);
    expect(train[key.slice(6) as "batch"]).toBe(128);
  }
});
