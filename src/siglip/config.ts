/** The configuration of a model as a typed object. */

import type { GeluForm } from "../autograd/index.ts";
import { type Grid, keptCount, type Pooling } from "../nn/index.ts";
import { portable } from "../tensor/index.ts";

/** Sizes of a transformer. */
export interface Size {
  readonly width: number;
  readonly depth: number;
  readonly mlpDim: number;
  readonly numHeads: number;
}

/** Channels of an image: red, green, blue. */
export const CHANNELS = 3;

const IMAGE_POOLINGS = ["map", "mean", "max", "first", "tok"] as const;
const POSITIONS = ["learn", "sincos2d"] as const;
const TEXT_POOLINGS = ["last", "first", "mean", "max", "map"] as const satisfies readonly (Pooling | "map")[];
const OUTPUT_INITS = ["xavier", "zero"] as const;
const GELU_FORMS = ["tanh", "erf"] as const satisfies readonly GeluForm[];

/** What both towers have: the sizes of a transformer, its GELU, and ε. */
interface TowerConfig extends Size {
  /** tanh, the default: the approximation of the released SigLIP models; erf: x·Φ(x), of AugReg and of timm. */
  readonly gelu?: GeluForm;
  /** ε of every layer norm, added to the variance: 1e-6, the default, as in all released SigLIP models. */
  readonly epsilon?: number;
}

/** Configuration of an image tower. `imageSize` and `patchSize` are in pixels. */
export interface ImageTowerConfig extends TowerConfig {
  /** The side of a square, or height and width. Pixels beyond the last whole patch are dropped. */
  readonly imageSize: number | readonly [height: number, width: number];
  readonly patchSize: number;
  /**
   * map: attention pooling (SigLIP); mean: average of the tokens (big_vision "gap"); max: their maximum; first: the first
   * patch (big_vision "0"); tok: a learned class token before the patches.
   */
  readonly pooling: (typeof IMAGE_POOLINGS)[number];
  readonly posEmb: (typeof POSITIONS)[number];
  /** Width of a tanh layer between pooling and head (big_vision `rep_size`); 0, the default: none. */
  readonly repSize?: number;
  /** Share of the patches that are dropped at random in training (FLIP), from 0, the default, to less than 1. */
  readonly patchDropout?: number;
}

/** Configuration of a text tower. */
export interface TextTowerConfig extends TowerConfig {
  /** Rows of the token table. */
  readonly vocabSize: number;
  /** Tokens of every text; shorter texts are padded. */
  readonly length: number;
  /** last: the last position, which is always an end token because texts are padded with it (SigLIP). */
  readonly pooling: (typeof TEXT_POOLINGS)[number];
  /** Columns K of the token table, which a linear map takes to the width (SigLIP section 4.3); 0, the default: the width. */
  readonly bottleneck?: number;
  /** Whether a linear map leads from the width to the embedding, as by default; So400m/16-i18n has none. */
  readonly head?: boolean;
}

/** Configuration of a model: both towers, the width of an embedding, initial t and b. */
export interface SigLipConfig {
  readonly image: ImageTowerConfig;
  readonly text: TextTowerConfig;
  /** d: width of both embeddings. The text tower projects to it, the image tower only from another width. */
  readonly embedDim: number;
  /** Initial t; the parameter is t′ = log t. */
  readonly temperatureInit: number;
  /** Initial b. */
  readonly biasInit: number;
  /**
   * Initial kernels of the output projections of attention and MLP in the encoder blocks: drawn like all others, the default
   * (xavier), or zero, so that a block passes its tokens on at the start.
   */
  readonly outputInit?: (typeof OUTPUT_INITS)[number];
}

/** Height and width of the images of a tower. */
export const sidesOf = ({
  imageSize,
}: Pick<ImageTowerConfig, "imageSize">): readonly [height: number, width: number] =>
  typeof imageSize === "object" ? imageSize : [imageSize, imageSize];

/** Rows and columns of the patches of an image. */
export function gridOf(image: Pick<ImageTowerConfig, "imageSize" | "patchSize">): Grid {
  const [height, width] = sidesOf(image);
  return [Math.floor(height / image.patchSize), Math.floor(width / image.patchSize)];
}

/** Tokens of an image in the encoder: patches, less those that are dropped in training, and the class token. */
export function imageTokens(image: ImageTowerConfig, trains: boolean): number {
  const [rows, cols] = gridOf(image);
  const { pooling, patchDropout = 0 } = image;
  return (trains ? keptCount(rows * cols, patchDropout) : rows * cols) + (pooling === "tok" ? 1 : 0);
}

/**
 * −ln(ρ·(B − 1)), the log-odds that a pair of a batch matches, of those that count: with all negatives (ρ = 1) every pair starts
 * at probability 1/B.
 */
export const logOddsBias = (batch: number, ratio = 1): number => -portable.log(ratio * Math.max(batch - 1, 1));

/** No model has this configuration: the message names the conflicting numbers or the unknown word. */
export class ModelConfigError extends Error {
  override readonly name = "ModelConfigError";
}

/** JavaScript callers have no compiler that checks words. */
function checkWord(what: string, word: string, choices: readonly string[]): void {
  if (choices.includes(word)) return;
  throw new ModelConfigError(`${what} must be one of ${choices.join(", ")}, not ${JSON.stringify(word)}`);
}

function checkCounts(name: string, counts: Readonly<Record<string, number>>, least = 1): void {
  for (const [field, value] of Object.entries(counts)) {
    if (!Number.isInteger(value) || value < least) {
      throw new ModelConfigError(`${name}: ${field} ${value} is not an integer of at least ${least}`);
    }
  }
}

function checkTower(
  name: string,
  { width, depth, mlpDim, numHeads, gelu = "tanh", epsilon = 1e-6 }: TowerConfig,
): void {
  checkCounts(name, { width, depth, mlpDim, numHeads });
  if (width % numHeads !== 0) {
    throw new ModelConfigError(`${name}: numHeads ${numHeads} does not divide width ${width}`);
  }
  checkWord(`${name}: gelu`, gelu, GELU_FORMS);
  if (!(epsilon > 0 && epsilon < 1)) throw new ModelConfigError(`${name}: epsilon ${epsilon} is not between 0 and 1`);
}

function checkImageTower(image: ImageTowerConfig): void {
  const { patchSize, width, pooling, posEmb, repSize = 0, patchDropout = 0 } = image;
  checkTower("image tower", image);
  if (typeof image.imageSize === "object" && image.imageSize?.length !== 2) {
    throw new ModelConfigError(
      `image tower: imageSize ${JSON.stringify(image.imageSize)} is not a side or [height, width]`,
    );
  }
  for (const imageSize of sidesOf(image)) {
    checkCounts("image tower", { imageSize, patchSize });
    if (patchSize > imageSize) {
      throw new ModelConfigError(`image tower: patchSize ${patchSize} is not between 1 and imageSize ${imageSize}`);
    }
  }
  checkCounts("image tower", { repSize }, 0);
  checkWord("image tower: pooling", pooling, IMAGE_POOLINGS);
  checkWord("image tower: posEmb", posEmb, POSITIONS);
  if (posEmb === "sincos2d" && (width % 4 !== 0 || width < 8)) {
    throw new ModelConfigError(`image tower: posEmb sincos2d needs a width of 8, 12, 16, ..., not ${width}`);
  }
  if (!(patchDropout >= 0 && patchDropout < 1)) {
    throw new ModelConfigError(`image tower: patchDropout ${patchDropout} is not from 0 to less than 1`);
  }
  if (patchDropout > 0 && pooling === "first") {
    throw new ModelConfigError(
      `image tower: pooling first reads the first patch, which patchDropout ${patchDropout} may drop; use pooling tok`,
    );
  }
}

function checkTextTower(text: TextTowerConfig, embedDim: number): void {
  const { vocabSize, length, width, pooling, bottleneck = 0, head = true } = text;
  checkTower("text tower", text);
  checkCounts("text tower", { vocabSize, length });
  checkCounts("text tower", { bottleneck }, 0);
  checkWord("text tower: pooling", pooling, TEXT_POOLINGS);
  if (!head && width !== embedDim) {
    throw new ModelConfigError(`text tower: without a head, width ${width} must be embedDim ${embedDim}`);
  }
}

/** Throws `ModelConfigError` if a classifier with this configuration cannot be built. */
export function checkClassifier({
  image,
  embedDim,
  outputInit = "xavier",
  classes,
  biasInit,
}: Pick<SigLipConfig, "image" | "embedDim" | "outputInit" | "biasInit"> & { readonly classes: number }): void {
  checkImageTower(image);
  checkCounts("classifier", { embedDim });
  checkCounts("classifier", { classes }, 2);
  checkWord("classifier: outputInit", outputInit, OUTPUT_INITS);
  if (!Number.isFinite(biasInit)) throw new ModelConfigError(`classifier: biasInit ${biasInit} must be finite`);
}

/** Throws `ModelConfigError` if a model with this configuration cannot be built. */
export function checkModel(config: SigLipConfig): void {
  const { image, text, embedDim, temperatureInit, biasInit, outputInit = "xavier" } = config;
  checkImageTower(image);
  checkCounts("model", { embedDim });
  checkTextTower(text, embedDim);
  checkWord("model: outputInit", outputInit, OUTPUT_INITS);
  if (!(temperatureInit > 0 && Number.isFinite(temperatureInit) && Number.isFinite(biasInit))) {
    throw new ModelConfigError(
      `model: temperatureInit ${temperatureInit} must be above 0 and biasInit ${biasInit} finite`,
    );
  }
}
