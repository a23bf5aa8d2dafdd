/** A SigLIP small enough to train within a test, and batches for it. */
import { AdamW, parametersOf } from "../../src/nn/index.ts";
import { type ImageTowerConfig, type PairBatch, SigLip, type SigLipConfig, sidesOf } from "../../src/siglip/index.ts";
import { type DType, Rng, type Shape, sizeOf } from "../../src/tensor/index.ts";

const tower = { width: 8, depth: 2, mlpDim: 16, numHeads: 2 } as const;

export const TINY: SigLipConfig = {
  image: { ...tower, imageSize: 8, patchSize: 4, pooling: "map", posEmb: "learn" },
  text: { ...tower, vocabSize: 11, length: 5, pooling: "last" },
  embedDim: 8,
  temperatureInit: 10,
  biasInit: -10,
};

/** Sizes of the inputs. */
interface Inputs {
  readonly image: Pick<ImageTowerConfig, "imageSize">;
  readonly text: { readonly vocabSize: number; readonly length: number };
}

export const tinyModel = (dtype: DType = "f32", config: SigLipConfig = TINY): SigLip =>
  new SigLip(new Rng(1).split("model"), config, dtype);

export const imageShape = (batch: number, { image }: Pick<Inputs, "image"> = TINY): Shape => [
  batch,
  ...sidesOf(image),
  3,
];

export function tinyBatch(batch: number, seed = 1, { image, text }: Inputs = TINY): PairBatch {
  const rng = new Rng(seed).split("batch");
  const shape = imageShape(batch, { image });
  return {
    imageShape: shape,
    images: Float32Array.from({ length: sizeOf(shape) }, () => rng.between(-1, 1)),
    tokens: Int32Array.from({ length: batch * text.length }, () => rng.integer(text.vocabSize)),
  };
}

export const tinyOptimizer = (model: SigLip): AdamW =>
  new AdamW(parametersOf(model), { lr: 1e-2, weightDecay: 1e-3, clipNorm: 1 });
