/**
 * Fifty steps of training, or fewer with another optimizer, and the SHA-256 of the final weights: on strict kernels the same on
 * every engine.
 *
 * Small, but with the features of a real run: drawn scenes, learned tokens, warm-up and cosine, clipping, decay, both kinds
 * of attention (heads of 16 and of 12), products longer than a block of the matrix product (16·16·3 = 768 numbers a patch).
 *
 *     node test/support/strictTraining.ts [flags] [fast] [softmax] [muon]      prints the hash; with the flags of the command line,
 *                                                                              on fast kernels, with another loss or optimizer
 */
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { captionOf, sceneOf, scenesOf, shapes } from "../../src/data/index.ts";
import { parametersOf, schedule } from "../../src/nn/index.ts";
import { type LossName, SigLip, trainingLosses, trainStep } from "../../src/siglip/index.ts";
import { chooseKernels, type KernelMode, Rng } from "../../src/tensor/index.ts";
import { trainBpe } from "../../src/tokenizers/index.ts";
import { OPTIMIZERS } from "./optimizers.ts";

/** Change only with the arithmetic of training: then update them, in the same commit, to the hashes that the test prints. */
export const STRICT_WEIGHTS: Readonly<Record<LossName, string>> = {
  sigmoid: "5448cad7c582bddf3fe4e5d2f3612c72048be4ec347a69395f3ac0c5e1a9a64c",
  softmax: "e27653169daaed56c1f286a8f33f4f06d4d2a51f45581ea9c59d83b81ee4cb2e",
};

/** The same after ten steps, for each optimizer of `optimizers.ts`. */
export const OPTIMIZER_WEIGHTS: Readonly<Record<string, string>> = {
  adamW: "3d14128577df90dca8debe756ea98d1378f479f4aeff2ec5342483d14edb66c6",
  adam: "b631f792e39825c4b6803867ccfd9732a3709c6ee3894d7e59737be6c6b7133f",
  adafactor: "54f6bf0b8d4111394ca6146080619ff226ebe051e54705f1c29b5240a5e1c4a4",
  lion: "a244bcb291ab3202e1abc0ba1bd920e0b912b10708a8b8d1189ed52e9f596d77",
  sgd: "05cc859ce00b43abfa0697ef9fda5500f2814fe7b5e3f7aa4409ca000ef76c91",
  muon: "2987d2061b2e4cdcecd322570a5d9811e7695232f57898ea3611547302ecac29",
};

const STEPS = 50;
const BATCH = 8;
const SEED = 0;
const SIDE = 32;
const LENGTH = 12;

interface Trained {
  readonly mode?: KernelMode;
  readonly lossName?: LossName;
  readonly make?: (typeof OPTIMIZERS)[string];
  readonly steps?: number;
}

export function strictTraining({
  mode = "strict",
  lossName = "sigmoid",
  make = OPTIMIZERS.adamW,
  steps = STEPS,
}: Trained = {}): string {
  const loss = trainingLosses[lossName];
  chooseKernels(mode);
  const captions = Array.from(scenesOf("train").subarray(0, 200), (id) => captionOf(sceneOf(id)));
  const tokenizer = trainBpe(captions, 320);
  const pairs = shapes({ tokenizer, length: LENGTH, side: SIDE });
  const model = new SigLip(new Rng(SEED).split("model"), {
    image: { imageSize: SIDE, patchSize: 16, width: 48, depth: 1, mlpDim: 96, numHeads: 3, pooling: "map", posEmb: "learn" },
    text: { vocabSize: tokenizer.vocabSize, length: LENGTH, width: 24, depth: 1, mlpDim: 48, numHeads: 2, pooling: "last" },
    embedDim: 32,
    temperatureInit: 10,
    biasInit: -10,
  }); // biome-ignore format: a tower a line
  const parameters = parametersOf(model);
  const trained = new Map([...parameters].filter(([path]) => loss.usesBias || path !== "b"));
  const optimizer = make(trained, { lr: 2e-3, weightDecay: 1e-4, clipNorm: 1 });
  const factor = schedule({ kind: "cosine", total: steps, warmup: 5 });
  for (let step = 0; step < steps; step++) {
    const batch = pairs.batch(SEED, step, BATCH);
    trainStep({ model, optimizer, loss }, batch, factor(step), { shards: 2 });
  }
  const hash = createHash("sha256");
  for (const [path, { value }] of parameters) hash.update(path).update(value.toArray());
  return hash.digest("hex");
}

async function main(): Promise<void> {
  const options = process.argv.slice(2);
  if (options.includes("flags")) await import("../../src/engine.ts");
  const name = Object.keys(OPTIMIZERS).find((each) => options.includes(each)) ?? "adamW";
  const hash = strictTraining({
    mode: options.includes("fast") ? "fast" : "strict",
    lossName: options.includes("softmax") ? "softmax" : "sigmoid",
    make: OPTIMIZERS[name],
  });
  process.stdout.write(`${hash}\n`);
}
if (import.meta.url === pathToFileURL(process.argv[1]).href) await main();
