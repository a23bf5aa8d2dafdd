/** The operations of a training step, counted by the engine and on paper. */
import { describe, expect, it } from "vitest";
import { AdamW, muon, type Optimizer, parametersOf } from "../../src/nn/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import {
  type LossForm,
  lossForms,
  SigLip,
  type SigLipConfig,
  type Size,
  sidesOf,
  trainingLosses,
  trainStep,
} from "../../src/siglip/index.ts";
import { Rng } from "../../src/tensor/index.ts";
import { TINY, tinyBatch } from "../support/tinyModel.ts";

const tower = (width: number, depth: number, mlpDim: number, numHeads: number) => ({ width, depth, mlpDim, numHeads });

const CONFIGS: Readonly<Record<string, SigLipConfig>> = {
  tiny: TINY,
  "with pooling heads on both towers": {
    ...TINY,
    image: { ...tower(24, 2, 40, 4), imageSize: 12, patchSize: 4, pooling: "map", posEmb: "sincos2d" },
    text: { ...tower(16, 1, 32, 2), vocabSize: 50, length: 6, pooling: "map" },
    embedDim: 20,
  },
  "with dropped patches and other options": {
    ...TINY,
    image: {
      ...tower(32, 2, 64, 4),
      imageSize: [16, 24],
      patchSize: 4,
      pooling: "tok",
      posEmb: "learn",
      patchDropout: 0.5,
      repSize: 24,
    },
    text: { ...tower(32, 2, 64, 2), vocabSize: 40, length: 7, pooling: "max", bottleneck: 12 },
    embedDim: 16,
  },
};

/** Operations of a product of `rows` rows with a kernel [inputs, outputs]. */
const product = (rows: number, inputs: number, outputs: number): number => 2 * rows * inputs * outputs;
/** A product whose two factors have gradients: one forward, one for each gradient. */
const linear = (rows: number, inputs: number, outputs: number): number => 3 * product(rows, inputs, outputs);
/** q·kᵀ and P·v forward, four products backward, of all heads together. */
const attention = (rows: number, queries: number, keys: number, width: number): number =>
  (2 + 4) * product(rows * queries, width, keys);

const encoder = ({ width, depth, mlpDim }: Size, rows: number, tokens: number): number => {
  const n = rows * tokens;
  const projections = linear(n, width, 3 * width) + linear(n, width, width);
  const mlp = linear(n, width, mlpDim) + linear(n, mlpDim, width);
  return depth * (projections + attention(rows, tokens, tokens, width) + mlp);
};

/** The probe becomes a query once a shard; one token an image is left after the attention. */
const mapHead = ({ width, mlpDim }: Size, rows: number, tokens: number, shards: number): number =>
  linear(shards, width, width) +
  linear(rows * tokens, width, 2 * width) +
  attention(rows, 1, tokens, width) +
  linear(rows, width, width) +
  linear(rows, width, mlpDim) +
  linear(rows, mlpDim, width);

function imageTower({ image, embedDim }: SigLipConfig, batch: number, shards: number): number {
  const { width, patchSize, patchDropout = 0, pooling, repSize = 0 } = image;
  const patches = sidesOf(image).reduce((count, side) => (count * side) / patchSize, 1) * (1 - patchDropout);
  const tokens = patches + (pooling === "tok" ? 1 : 0);
  return (
    2 * product(batch * patches, patchSize ** 2 * 3, width) + // pixels have no gradient
    encoder(image, batch, tokens) +
    (pooling === "map" ? mapHead(image, batch, tokens, shards) : 0) +
    (repSize === 0 ? 0 : linear(batch, width, repSize)) +
    ((repSize || width) === embedDim ? 0 : linear(batch, repSize || width, embedDim))
  );
}

const textTower = ({ text, embedDim }: SigLipConfig, batch: number, shards: number): number =>
  linear(batch * text.length, text.bottleneck ?? 0, text.width) +
  encoder(text, batch, text.length) +
  (text.pooling === "map" ? mapHead(text, batch, text.length, shards) : 0) +
  linear(batch, text.width, embedDim);

/** Operations of a step without those of its update; `ofPair`: those of a pair in the loss, in widths of the embedding. */
const onPaper = (config: SigLipConfig, batch: number, shards: number, ofPair: number): number =>
  imageTower(config, batch, shards) + textTower(config, batch, shards) + ofPair * batch ** 2 * config.embedDim;

type MakeOptimizer = (parameters: ReturnType<typeof parametersOf>) => Optimizer;

interface Setting {
  readonly loss?: LossForm;
  readonly shards?: number;
  readonly devices?: number;
  readonly activationBytes?: number;
  readonly measure?: boolean;
  readonly optimizerOf?: MakeOptimizer;
}

const BATCH = 8;
const adamW: MakeOptimizer = (parameters) => new AdamW(parameters, { lr: 1e-3 });
const withProducts: MakeOptimizer = (parameters) => muon(parameters, { lr: 1e-3 });

/** The operations that a step reports, on every device. */
function reported(config: SigLipConfig, setting: Setting = {}): number[] {
  const { loss = trainingLosses.sigmoid, shards = 4, devices = 1, optimizerOf = adamW, ...rest } = setting;
  return lockstep(devices, (comm) => {
    const model = new SigLip(new Rng(0), config);
    const parameters = parametersOf(model);
    if (!loss.usesBias) parameters.delete("b");
    const optimizer = optimizerOf(parameters);
    const batch = { ...tinyBatch(BATCH / devices, 1, config), rng: new Rng(1) };
    return trainStep({ model, optimizer, loss }, batch, 1, { comm, shards, ...rest }).flops;
  });
}

describe.each(Object.entries(CONFIGS))("the operations of a step of a model %s", (_, config) => {
  it("are those counted on paper, with both losses and any number of shards", () => {
    for (const shards of [1, 2, 8]) {
      expect(reported(config, { shards })).toEqual([onPaper(config, BATCH, shards, 6)]);
      const { softmax } = lossForms;
      expect(reported(config, { shards, loss: softmax })).toEqual([onPaper(config, BATCH, shards, 8)]);
    }
  });

  it("are the same on 1, 2 and 4 devices, with a product in the update or none", () => {
    for (const loss of Object.values(trainingLosses)) {
      for (const optimizerOf of [adamW, withProducts]) {
        const [one] = reported(config, { loss, optimizerOf });
        for (const devices of [2, 4]) {
          expect(reported(config, { loss, optimizerOf, devices })).toEqual(new Array(devices).fill(one));
        }
      }
    }
  });

  it("leave out what measures the health of the step", () => {
    expect(reported(config, { measure: true, devices: 2 })).toEqual(reported(config, { devices: 2 }));
  });

  it("include the products of Muon's update, five times three for every matrix", () => {
    const model = new SigLip(new Rng(0), config);
    const matrices = [...parametersOf(model)].flatMap(([path, { shape, layout }]) => {
      const [rows, columns] = [shape[0], shape[1] / (layout.parts ?? 1)];
      return path.endsWith("/kernel") ? new Array<[number, number]>(layout.parts ?? 1).fill([rows, columns]) : [];
    });
    const update = matrices.reduce((sum, [rows, columns]) => {
      const [r, c] = [Math.min(rows, columns), Math.max(rows, columns)];
      return sum + 5 * (product(r, c, r) + product(r, r, r) + product(r, r, c)); // X·Xᵀ, A·(b·I + c·A), (...)·X
    }, 0);
    const [withMuon] = reported(config, { optimizerOf: withProducts });
    expect(withMuon - reported(config)[0]).toBe(update);
  });

  it("include a second forward pass of the shards whose activations are recomputed", () => {
    const [kept, recomputed] = [reported(config)[0], reported(config, { activationBytes: 0 })[0]];
    // Three of four shards; a forward pass is a third of the towers, but half for the patches, since pixels have no gradient.
    const towers = onPaper(config, BATCH, 4, 0);
    expect(recomputed - kept).toBeGreaterThan((3 / 4) * (towers / 3));
    expect(recomputed - kept).toBeLessThan((3 / 4) * (towers / 2));
  });
});
