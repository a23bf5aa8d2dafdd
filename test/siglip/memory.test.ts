/** The estimated memory of a step against the peaks of real steps. */
import { beforeAll, expect, it } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { AdamW, drawPatches, freeze, parametersOf } from "../../src/nn/index.ts";
import { alone, type Communicator } from "../../src/parallel/index.ts";
import {
  ACTIVATION_BYTES,
  activationBytes,
  Classifier,
  type Cut,
  classification,
  classifierStepBytes,
  embeddingBytes,
  gridOf,
  lossForms,
  SigLip,
  type SigLipConfig,
  stepBytes,
  trainingLosses,
  trainStep,
  withTwoViews,
} from "../../src/siglip/index.ts";
import { concat, copy, heap, kernelReport, Rng, scope, tensor } from "../../src/tensor/index.ts";
import { TINY, tinyBatch, tinyModel } from "../support/tinyModel.ts";

const tower = (width: number, depth: number, mlpDim: number, numHeads: number) => ({ width, depth, mlpDim, numHeads });

const CONFIGS: Readonly<Record<string, SigLipConfig>> = {
  small: {
    ...TINY,
    image: { ...tower(16, 2, 32, 2), imageSize: 16, patchSize: 4, pooling: "map", posEmb: "learn" },
    text: { ...tower(16, 1, 32, 2), vocabSize: 50, length: 8, pooling: "last" },
    embedDim: 16,
  },
  "of many tokens": {
    ...TINY,
    image: { ...tower(32, 2, 64, 4), imageSize: 24, patchSize: 2, pooling: "mean", posEmb: "learn" },
    text: { ...tower(32, 1, 64, 2), vocabSize: 100, length: 30, pooling: "map" },
    embedDim: 16,
  },
  "of many parameters": {
    ...TINY,
    image: { ...tower(96, 3, 384, 2), imageSize: 32, patchSize: 16, pooling: "map", posEmb: "learn" },
    text: { ...tower(96, 2, 384, 2), vocabSize: 2000, length: 12, pooling: "last" },
    embedDim: 96,
  },
  "of dropped patches and other options": {
    ...TINY,
    image: {
      ...tower(32, 2, 64, 4),
      imageSize: [24, 40],
      patchSize: 4,
      pooling: "tok",
      posEmb: "learn",
      gelu: "erf",
      patchDropout: 0.5,
      repSize: 24,
    },
    text: { ...tower(32, 2, 64, 2), vocabSize: 400, length: 20, pooling: "max", bottleneck: 12, gelu: "erf" },
    embedDim: 16,
  },
};
const CUTS: readonly Cut[] = [
  { batch: 16, shards: 1, devices: 1, loss: trainingLosses.sigmoid },
  { batch: 16, shards: 4, devices: 1, loss: trainingLosses.sigmoid },
  { batch: 16, shards: 4, devices: 1, loss: trainingLosses.sigmoid, activationLimit: 0 },
  { batch: 32, shards: 8, devices: 2, loss: trainingLosses.sigmoid },
  { batch: 32, shards: 8, devices: 8, loss: trainingLosses.sigmoid },
  { batch: 32, shards: 8, devices: 2, loss: trainingLosses.softmax },
  { batch: 512, shards: 64, devices: 2, loss: trainingLosses.softmax, activationLimit: 0 },
  { batch: 512, shards: 64, devices: 2, loss: lossForms.softmaxDense, activationLimit: 0 },
  { batch: 32, shards: 8, devices: 2, loss: trainingLosses.sigmoid, images: "locked" },
  { batch: 32, shards: 8, devices: 2, loss: trainingLosses.sigmoid, images: "locked", activationLimit: 0 },
  { batch: 64, shards: 8, devices: 2, loss: trainingLosses.sigmoid, images: "embedded" },
  { batch: 512, shards: 64, devices: 1, loss: trainingLosses.sigmoid, images: "embedded", activationLimit: 0 },
  { batch: 16, shards: 4, devices: 1, loss: withTwoViews(trainingLosses.sigmoid, "image-image") },
  { batch: 32, shards: 8, devices: 2, loss: withTwoViews(trainingLosses.sigmoid, "texts") },
  { batch: 512, shards: 64, devices: 2, loss: withTwoViews(trainingLosses.softmax, "image-image"), activationLimit: 0 },
];

/** One of several devices, all of which send the same. */
const echo = (size: number): Communicator => ({
  rank: 0,
  size,
  shift: copy,
  allGather: (x) => concat(new Array(size).fill(x.view([1, ...x.shape])), 0),
  allReduce: copy,
  broadcast: copy,
  barrier: () => {},
});

function peakOfStep(config: SigLipConfig, { batch, shards, devices, loss, images, activationLimit }: Cut): number {
  return scope(() => {
    const before = heap.liveBytes;
    const model = new SigLip(new Rng(0), config);
    const trained = parametersOf(model);
    if (images) freeze(trained, ["image/.*"]);
    if (!loss.usesBias) trained.delete("b");
    const optimizer = new AdamW(trained, { lr: 1e-3 });
    const rows = batch / devices;
    const imagesOf = tinyBatch(loss.views * rows, 1, config);
    const embeddings = {
      imageShape: [rows, config.embedDim],
      images: new Float32Array(rows * config.embedDim).fill(0.5),
    };
    const given = images === "embedded" ? embeddings : { images: imagesOf.images, imageShape: imagesOf.imageShape };
    const pairs = { ...tinyBatch(rows, 1, config), ...given, rng: new Rng(1) };
    heap.peakBytes = heap.liveBytes;
    trainStep({ model, optimizer, loss }, pairs, 1, {
      comm: devices === 1 ? alone : echo(devices),
      shards,
      ...(activationLimit === undefined ? {} : { activationBytes: activationLimit }),
    });
    return heap.peakBytes - before;
  });
}

beforeAll(() => void kernelReport()); // choosing kernels takes memory, once

it.each(
  Object.keys(CONFIGS).flatMap((name) =>
    CUTS.map((cut) => [name, cut.batch, cut.shards, cut.devices, cut.loss.name, cut.images ?? "trained", cut] as const),
  ),
)(
  "a model %s takes in a step what it is said to: batch %i in %i shards on %i devices, %s, images %s",
  (name, _b, _s, _d, _l, _i, cut) => {
    const ratio = stepBytes(CONFIGS[name], cut) / peakOfStep(CONFIGS[name], cut);
    expect(ratio).toBeGreaterThan(0.77);
    expect(ratio).toBeLessThan(1.3);
  },
);

it.each(Object.keys(CONFIGS))(
  "a classifier with the image tower of a model %s takes in a step what it is said to",
  (name) => {
    const config = { ...CONFIGS[name], classes: 10 };
    const cuts: readonly Omit<Cut, "loss">[] = [
      { batch: 16, shards: 1, devices: 1 },
      { batch: 32, shards: 8, devices: 2 },
      { batch: 64, shards: 32, devices: 2, activationLimit: 0 },
    ];
    for (const { devices, ...cut } of cuts) {
      const peak = scope(() => {
        const before = heap.liveBytes;
        const model = new Classifier(new Rng(0), config);
        const trainee = { objective: classification(model), optimizer: new AdamW(parametersOf(model), { lr: 1e-3 }) };
        const rows = cut.batch / devices;
        const batch = { ...tinyBatch(rows, 1, config), labels: new Int32Array(rows), rng: new Rng(1) };
        const comm = devices === 1 ? alone : echo(devices);
        heap.peakBytes = heap.liveBytes;
        trainStep(trainee, batch, 1, {
          comm,
          shards: cut.shards,
          activationBytes: cut.activationLimit ?? ACTIVATION_BYTES,
        });
        return heap.peakBytes - before;
      });
      const ratio = classifierStepBytes(config, { devices, ...cut }) / peak;
      expect(ratio).toBeGreaterThan(0.77);
      expect(ratio).toBeLessThan(1.3);
    }
  },
);

it.each(Object.keys(CONFIGS))(
  "a model %s keeps what it is said to, and needs less where no gradient is wanted",
  (name) => {
    const config = CONFIGS[name];
    const rows = 8;
    const model = tinyModel("f32", config);
    const { images, imageShape, tokens } = tinyBatch(rows, 1, config);
    const { patchDropout = 0 } = config.image;
    const [height, width] = gridOf(config.image);
    const patches = drawPatches(new Rng(1), { first: 0, count: rows }, height * width, patchDropout);
    const embed = (): void => {
      model.embedImages(tensor(images, imageShape), patchDropout === 0 ? undefined : patches);
      model.embedTexts(tokens);
    };
    const kept = scope(() => {
      const before = heap.liveBytes;
      embed();
      return heap.liveBytes - before;
    });
    expect(activationBytes(config, rows) / kept).toBeGreaterThan(0.8);
    expect(activationBytes(config, rows) / kept).toBeLessThan(1.2);
    const before = heap.liveBytes;
    heap.peakBytes = before;
    scope(() => noGrad(() => model.embedImages(tensor(images, imageShape))));
    scope(() => noGrad(() => model.embedTexts(tokens)));
    expect(embeddingBytes(config, rows)).toBeGreaterThan(0.9 * (heap.peakBytes - before));
    expect(embeddingBytes(config, rows)).toBeLessThan(2 * (heap.peakBytes - before));
  },
);
