/**
 * The configuration of a model as a typed object, and the named sizes of the literature (big_vision `decode_variant`).
 */

import { portable } from "../tensor/index.ts";

/** Channels of an image: red, green, blue. */
export const CHANNELS = 3;

const IMAGE_POOLINGS = ["map", "mean"] as const;
const POSITIONS = ["learn", "sincos2d"] as const;
const TEXT_POOLINGS = ["last", "first", "mean", "map"] as const;

/** Configuration of an image tower. `imageSize` and `patchSize` are in pixels. */
export interface ImageTowerConfig {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly width: number;
  readonly depth: number;
  readonly mlpDim: number;
  readonly numHeads: number;
  /** map: attention pooling (SigLIP); mean: average of the tokens. */
  readonly pooling: (typeof IMAGE_POOLINGS)[number];
  readonly posEmb: (typeof POSITIONS)[number];
}

/** Configuration of a text tower. */
export interface TextTowerConfig {
  /** Rows of the token table. */
  readonly vocabSize: number;
  /** Tokens of every text; shorter texts are padded. */
  readonly length: number;
  readonly width: number;
  readonly depth: number;
  readonly mlpDim: number;
  readonly numHeads: number;
  /** last: the last position, which is always an end token because texts are padded with it (SigLIP). */
  readonly pooling: (typeof TEXT_POOLINGS)[number];
}

/** Configuration of a model: both towers, the width of an embedding, initial t and b. */
export interface SigLipConfig {
  readonly image: ImageTowerConfig;
  readonly text: TextTowerConfig;
  /** d: width of both embeddings. The text tower always projects to it, the image tower only from another width. */
  readonly embedDim: number;
  /** Initial t; the parameter is t′ = log t. */
  readonly temperatureInit: number;
  /** Initial b. */
  readonly biasInit: number;
}

/** Sizes of a transformer. */
export interface Size {
  readonly width: number;
  readonly depth: number;
  readonly mlpDim: number;
  readonly numHeads: number;
}

const size = (width: number, depth: number, mlpDim: number, numHeads: number): Size => ({
  width,
  depth,
  mlpDim,
  numHeads,
});

/** Transformer sizes by name; "B" in "B/16" is a row here and 16 the patch size. */
export const SIZES = {
  mu: size(32, 1, 128, 2),
  Ti: size(192, 12, 768, 3),
  S: size(384, 12, 1536, 6),
  M: size(512, 12, 2048, 8),
  B: size(768, 12, 3072, 12),
  L: size(1024, 24, 4096, 16),
  So400m: size(1152, 27, 4304, 16),
  H: size(1280, 32, 5120, 16),
  g: size(1408, 40, 6144, 16),
  "g-opt": size(1536, 40, 6144, 16),
  G: size(1664, 48, 8192, 16),
  "G-opt": size(1536, 48, 8192, 16),
  e: size(1792, 56, 15360, 16),
} as const satisfies Record<string, Size>;

/** −ln(B − 1), the log-odds that a pair of a batch matches: with this b every pair starts at probability 1/B. */
export const logOddsBias = (batch: number): number => -portable.log(Math.max(batch - 1, 1));

/** No model has this configuration: the message names the conflicting numbers or the unknown word. */
export class ModelConfigError extends Error {
  override readonly name = "ModelConfigError";
}

/** JavaScript callers have no compiler that checks words. */
function checkWord(what: string, word: string, choices: readonly string[]): void {
  if (choices.includes(word)) return;
  throw new ModelConfigError(`${what} ${JSON.stringify(word)} is none of ${choices.join(", ")}`);
}

function checkCounts(name: string, counts: Readonly<Record<string, number>>): void {
  for (const [field, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < 1) {
      throw new ModelConfigError(`${name}: ${field} ${value} is not an integer of at least 1`);
    }
  }
}

function checkTower(name: string, { width, depth, mlpDim, numHeads }: Size): void {
  checkCounts(name, { width, depth, mlpDim, numHeads });
  if (width % numHeads !== 0) {
    throw new ModelConfigError(`${name}: numHeads ${numHeads} does not divide width ${width}`);
  }
}

/** Throws `ModelConfigError` if a model with this configuration cannot be built. */
export function checkModel({ image, text, embedDim, temperatureInit, biasInit }: SigLipConfig): void {
  checkTower("image tower", image);
  checkTower("text tower", text);
  checkCounts("image tower", { imageSize: image.imageSize, patchSize: image.patchSize });
  checkCounts("text tower", { vocabSize: text.vocabSize, length: text.length });
  checkCounts("model", { embedDim });
  checkWord("image tower: pooling", image.pooling, IMAGE_POOLINGS);
  checkWord("image tower: posEmb", image.posEmb, POSITIONS);
  checkWord("text tower: pooling", text.pooling, TEXT_POOLINGS);
  if (image.patchSize > image.imageSize) {
    throw new ModelConfigError(
      `image tower: patchSize ${image.patchSize} is not between 1 and imageSize ${image.imageSize}`,
    );
  }
  if (image.posEmb === "sincos2d" && (image.width % 4 !== 0 || image.width < 8)) {
    throw new ModelConfigError(`image tower: posEmb sincos2d needs a width of 8, 12, 16, ..., not ${image.width}`);
  }
  if (!(temperatureInit > 0 && Number.isFinite(temperatureInit) && Number.isFinite(biasInit))) {
    throw new ModelConfigError(
      `model: temperatureInit ${temperatureInit} must be above 0 and biasInit ${biasInit} finite`,
    );
  }
}

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

/** Parameters of each tower and of the whole model with t′ and b, computed without building it. Throws `ModelConfigError`. */
export function parameterCount(config: SigLipConfig): { image: number; text: number; total: number } {
  checkModel(config);
  const { image, text, embedDim } = config;
  const side = Math.floor(image.imageSize / image.patchSize);
  const imageCount =
    linear(image.patchSize ** 2 * CHANNELS, image.width) +
    (image.posEmb === "learn" ? side ** 2 * image.width : 0) +
    encoder(image) +
    (image.pooling === "map" ? mapHead(image) : 0) +
    (image.width === embedDim ? 0 : linear(image.width, embedDim));
  const textCount =
    (text.vocabSize + text.length) * text.width +
    encoder(text) +
    (text.pooling === "map" ? mapHead(text) : 0) +
    linear(text.width, embedDim);
  return { image: imageCount, text: textCount, total: imageCount + textCount + 2 };
}
