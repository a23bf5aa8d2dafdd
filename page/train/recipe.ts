/**
 * The recipe of the page: the preset `emoji` of `siglip train`, for fewer emoji and fewer steps.
 *
 * Images of 24 pixels in four patches, two views of each emoji in a batch with a loss also between them, Muon.
 */
import { muon, type Optimizer, parametersOf, schedule } from "../../src/nn/index.ts";
import {
  type LossForm,
  logOddsBias,
  SigLip,
  type SigLipConfig,
  trainingLosses,
  withTwoViews,
} from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";

export const STEPS = 1200;
export const BATCH = 128;
export const SHARDS = 2;
export const LENGTH = 10; // tokens of a text
export const VOCABULARY = 1024;

export const modelConfig = (vocabSize: number): SigLipConfig => ({
  image: {
    imageSize: 24,
    patchSize: 12,
    width: 64,
    depth: 3,
    mlpDim: 256,
    numHeads: 4,
    pooling: "map",
    posEmb: "learn",
    gelu: "tanh",
    epsilon: 1e-6,
    repSize: 0,
    patchDropout: 0,
  },
  text: {
    width: 64,
    depth: 1,
    mlpDim: 256,
    numHeads: 2,
    pooling: "last",
    gelu: "tanh",
    epsilon: 1e-6,
    bottleneck: 0,
    vocabSize,
    length: LENGTH,
  },
  embedDim: 64,
  temperatureInit: 10,
  biasInit: logOddsBias(BATCH),
  outputInit: "zero",
});

export const newModel = (seed: number, vocabSize: number): SigLip =>
  new SigLip(new Rng(seed).split("model"), modelConfig(vocabSize));

export const newOptimizer = (model: SigLip): Optimizer =>
  muon(parametersOf(model), {
    lr: 2e-3,
    matrixLr: 0.01,
    beta1: 0.9,
    beta2: 0.95,
    eps: 1e-8,
    weightDecay: 4e-4,
    clipNorm: 1,
    decayed: ".*/(kernel|embedding|posEmbedding|probe)",
    multipliers: [{ match: "tPrime|b", lr: 3, decay: 0 }],
  });

export const loss: LossForm = withTwoViews(trainingLosses.sigmoid, "image-image");

/** The factor of the learning rate in a step, counted from 0. */
export const factorOf = schedule({ kind: "cosine", total: STEPS, warmup: STEPS / 10 });
