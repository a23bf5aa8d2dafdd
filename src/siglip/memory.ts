/**
 * Estimates, from the configuration alone, how much of a device's heap a training step needs: to refuse a run that does not fit
 * before it starts, and to choose the shards of a batch.
 *
 * Large tensors are counted one by one, in the block sizes of the heap; small ones are left out. A test compares the sums with
 * the peaks of real steps.
 */
import { sizeClass } from "../tensor/index.ts";
import { ACTIVATION_BYTES } from "./batchGradients.ts";
import { CHANNELS, imageTokens, type SigLipConfig, type Size, sidesOf } from "./config.ts";
import type { LossForm } from "./lossForm.ts";
import { parameterCount } from "./parameterCount.ts";

/** Average ratio of a heap block to the tensor in it. */
const PARAMETER_BLOCKS = 1.08;
/** Matrices of all pairs that the dense softmax loss holds at once; other losses that hold all pairs hold no more. */
const DENSE_MATRICES = 10;

/** Bytes that the heap allocates for f32 numbers. */
const f32 = (numbers: number): number => sizeClass(4 * numbers);

/** The sizes of a tower that determine memory: `rows` sequences of `tokens`. */
interface Sequences extends Size {
  readonly rows: number;
  readonly tokens: number;
}

/** Activations of a transformer block. */
function blockBytes({ rows, tokens, width, mlpDim, numHeads }: Sequences): number {
  const n = rows * tokens;
  // Both norms, the attention's output, both sums, and queries, keys and values; probabilities; gelu and its derivative.
  return 5 * f32(n * width) + f32(3 * n * width) + f32(rows * numHeads * tokens ** 2) + 2 * f32(n * mlpDim);
}

/** Activations of attention pooling: keys and values, and the probabilities of one query. */
const poolBytes = ({ rows, tokens, width, mlpDim, numHeads }: Sequences): number =>
  f32(2 * rows * tokens * width) + f32(rows * numHeads * tokens) + 5 * f32(rows * width) + 2 * f32(rows * mlpDim);

/** Activations of a tower: all blocks, the tokens before and after them, the last norm. */
const towerBytes = (tower: Sequences, pools: boolean): number =>
  tower.depth * blockBytes(tower) + 3 * f32(tower.rows * tower.tokens * tower.width) + (pools ? poolBytes(tower) : 0);

/** Memory of a block's backward pass beside its activations: gradients of its input, its widest part, and a sum. */
const backwardBytes = ({ rows, tokens, width, mlpDim }: Sequences): number =>
  2 * f32(rows * tokens * width) + Math.max(f32(rows * tokens * mlpDim), f32(3 * rows * tokens * width));

/** Peak memory of a tower's forward pass without recording: the tokens, and the intermediates of one block. */
const passBytes = (tower: Sequences): number => blockBytes(tower) + 5 * f32(tower.rows * tower.tokens * tower.width);

/** The sequences of both towers for so many texts; in training, patch dropout shortens those of the images. */
function towers(
  { image, text }: SigLipConfig,
  rows: number,
  trains: boolean,
  views = 1,
): readonly [image: Sequences, text: Sequences] {
  return [
    { ...image, rows: views * rows, tokens: imageTokens(image, trains) },
    { ...text, rows, tokens: text.length },
  ];
}

/** Images and their patches, which are cut in two steps. */
function pixelBytes({ image }: SigLipConfig, rows: number): number {
  const [height, width] = sidesOf(image);
  return 3 * f32(rows * height * width * CHANNELS);
}

/** Whether a step trains the image tower, or runs it locked, or gets the embeddings of a locked one. */
export type ImageUse = "trained" | "locked" | "embedded";

/** Bytes of activations for `rows` texts: of both towers with the images, so many for each text, or of the text tower alone. */
export function activationBytes(config: SigLipConfig, rows: number, images: ImageUse = "trained", views = 1): number {
  const [image, text] = towers(config, rows, true, views);
  const ofTexts = towerBytes(text, config.text.pooling === "map");
  if (images !== "trained") return ofTexts;
  return pixelBytes(config, image.rows) + towerBytes(image, config.image.pooling === "map") + ofTexts;
}

/** Peak bytes of embedding `rows` images or texts without recording. */
export function embeddingBytes(config: SigLipConfig, rows: number): number {
  return pixelBytes(config, rows) + Math.max(...towers(config, rows, false).map(passBytes));
}

/** How a batch is cut among devices, and its loss. */
export interface Cut {
  readonly batch: number;
  readonly shards: number;
  readonly devices: number;
  readonly loss: LossForm;
  /** "trained" by default. */
  readonly images?: ImageUse;
  /** The `activationBytes` of `trainStep`. */
  readonly activationLimit?: number;
}

/**
 * Peak bytes of a device's heap in `trainStep`, with the model and two moments, the most that an optimizer keeps.
 *
 *   parameters     value; of the trained ones two moments, gradients of a shard, and the same in one tensor; sums over shards,
 *                  by a tree
 *   activations    of all shards of the device, or of one if they are recomputed; those of a locked tower are freed at once
 *   loss           the embeddings of the device's rows with their gradients, and the blocks on the ring; for a loss that holds
 *                  all pairs, the embeddings of the whole batch on every device, and a few matrices of all pairs; with two
 *                  views, both beside the loss of one
 */
export function stepBytes(
  config: SigLipConfig,
  { batch, shards, devices, loss, images = "trained", activationLimit = ACTIVATION_BYTES }: Cut,
): number {
  const owned = shards / devices;
  const rows = batch / shards;
  const { views } = loss;
  const sides = views + 1; // rows of embeddings for each text
  const { total, text } = parameterCount(config);
  const all = PARAMETER_BLOCKS * 4 * total;
  const parameters = images === "trained" ? all : PARAMETER_BLOCKS * 4 * (text + 2);
  const ofShard = activationBytes(config, rows, images, views);
  const keepsAll = ofShard * owned <= activationLimit;
  const kept = keepsAll ? owned * ofShard : ofShard;

  const embedding = f32((batch / devices) * config.embedDim);
  const pairs = loss.holdsAllPairs ? DENSE_MATRICES * f32(batch ** 2) + 6 * f32(batch * config.embedDim) : 0;
  const [imageTower, textTower] = towers(config, rows, true, views);
  const unrecorded = images === "embedded" ? passBytes(textTower) : embeddingBytes(config, views * rows);
  const forward = kept + (keepsAll && images !== "locked" ? 0 : unrecorded) + 2 * sides * embedding;
  const lossRows = views === 1 ? 6 : 11; // with two views, also a copy of both and three sums of gradients
  const lossPass = kept + (2 * sides + lossRows) * embedding + pairs;
  const transient = Math.max(backwardBytes(textTower), images === "trained" ? backwardBytes(imageTower) : 0);
  const backward = Array.from({ length: owned }, (_, shard) => {
    const later = keepsAll ? (owned - 1 - shard) * ofShard : 0;
    // A shard's activations are freed while its gradients are computed; these are then copied into one tensor.
    return (
      later + sumsBefore(shard) * parameters + Math.max(ofShard + transient, 2 * parameters) + 3 * sides * embedding
    );
  });
  const gathered = 3 * sides * embedding + (1 + devices) * parameters;
  return Math.ceil(all + 2 * parameters + Math.max(forward, lossPass, gathered, ...backward));
}

/** Partial sums of the binary tree that are held before a shard is added: the ones among its binary digits. */
const sumsBefore = (shard: number): number => shard.toString(2).replaceAll("0", "").length;
