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
  sigmoid: "9318f93d478a09f5397670de0c915b25c1704bbdab5876673d6ee6bdcdd7a3d7",
  softmax: "d38f9e3271a5a040e3dee6e73fb72739011ced51e1e96fb93439168501fbccde",
};

/** The same after ten steps, for each optimizer of `optimizers.ts`. */
export const OPTIMIZER_WEIGHTS: Readonly<Record<string, string>> = {
  adamW: "69450fed233df62e7fb0e0541afaead8b835144125052a44e7a9623a9e0135fb",
  adam: "324256170a12185c005f1e0ea5101706581d02c66b9301aa2739b1d8c2449f36",
  adafactor: "04cbc828254d5572159e2597a538053b398aa0756afb1d3ea66ebb4fa7b4cef8",
  lion: "b1032f7d8c5ec2dbcdd189c56b94ac7d50f17f15d33bd50d692cbe966715c551",
  sgd: "abe346e6970847c69b64e184df70c378fb888f6ff5bb77f1ece3d9679a150558",
  muon: "fd0b25a14e091f8b9ab78071c8cf46484eef2245d7d083e44bc09d35b643e79a",
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
