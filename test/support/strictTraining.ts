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
  sigmoid: "caeda19b6a5ae4600ac39db234432b4444492945f5a7d7e6171cf947d59877f5",
  softmax: "9ec8a98d5f31897c9cab9dd6675b8ef847bb8d1fe3fc1cea9937cd8403876473",
};

/** The same after ten steps, for each optimizer of `optimizers.ts`. */
export const OPTIMIZER_WEIGHTS: Readonly<Record<string, string>> = {
  adamW: "38415b5f1178395b0bb25098f3e22e26d2f7cf78c56e77ebf1b4501a32bc8e3f",
  adam: "ca52484588adc4eb6f8dd955e22e5bef509a5aea18a737e6f29403c6c14475c8",
  adafactor: "feca8b9b9e4e6ef5c32573c6dbea95aaa129f68d84e849836817e78a1c6be5b8",
  lion: "eaffc1a8507eee128012669eb1d53b9e40e2d50279cde264ab864a839907f845",
  sgd: "1c4704fde95790ee99faed3677d497eabc049e00cecc9ccf2c18530c74f3ab2c",
  muon: "be4f04a71efee6507de097745d5f7a6418077fd3f2bb7f677c50457942e234e2",
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
