/** The number of parameters of a model, computed from its configuration without building it. */
import type { ClassifierConfig } from "./classifier.ts";
import {
  CHANNELS,
  checkClassifier,
  checkModel,
  gridOf,
  type ImageTowerConfig,
  type SigLipConfig,
  type Size,
  type TextTowerConfig,
} from "./config.ts";

/** Parameters of an affine map: kernel and bias. */
const linear = (inputs: number, outputs: number): number => (inputs + 1) * outputs;

const layerNorm = (width: number): number => 2 * width;

const mlp = ({ width, mlpDim }: Size): number => linear(width, mlpDim) + linear(mlpDim, width);

/** Four projections: queries, keys, values, output. */
const attention = (width: number): number => 4 * linear(width, width);

const encoder = (size: Size): number =>
  size.depth * (2 * layerNorm(size.width) + attention(size.width) + mlp(size)) + layerNorm(size.width);

/** With the probe, [width]. */
const mapHead = (size: Size): number => size.width + attention(size.width) + layerNorm(size.width) + mlp(size);

function imageParameters(image: ImageTowerConfig, embedDim: number): number {
  const { width, patchSize, posEmb, pooling, repSize = 0 } = image;
  const [rows, cols] = gridOf(image);
  const pooledWidth = repSize || width;
  return (
    linear(patchSize ** 2 * CHANNELS, width) +
    (posEmb === "learn" ? rows * cols * width : 0) +
    (pooling === "tok" ? width : 0) +
    encoder(image) +
    (pooling === "map" ? mapHead(image) : 0) +
    (repSize === 0 ? 0 : linear(width, repSize)) +
    (pooledWidth === embedDim ? 0 : linear(pooledWidth, embedDim))
  );
}

function textParameters(text: TextTowerConfig, embedDim: number): number {
  const { vocabSize, length, width, pooling, bottleneck = 0, head = true } = text;
  return (
    vocabSize * (bottleneck || width) +
    bottleneck * width +
    length * width +
    encoder(text) +
    (pooling === "map" ? mapHead(text) : 0) +
    (head ? linear(width, embedDim) : 0)
  );
}

/** Parameters of each tower and of the whole model with t′ and b, computed without building it. Throws `ModelConfigError`. */
export function parameterCount(config: SigLipConfig): { image: number; text: number; total: number } {
  checkModel(config);
  const image = imageParameters(config.image, config.embedDim);
  const text = textParameters(config.text, config.embedDim);
  return { image, text, total: image + text + 2 };
}

/** Parameters of the tower of a classifier and of all of it. */
export function classifierParameters(config: ClassifierConfig): { image: number; total: number } {
  checkClassifier(config);
  const image = imageParameters(config.image, config.embedDim);
  return { image, total: image + linear(config.embedDim, config.classes) };
}
