/**
 * Estimates, from the configuration alone, how much of a device's heap a training step needs: to refuse a run that does not fit
 * before it starts, and to choose the shards of a batch.
 *
 * Large tensors are counted one by one, in the block sizes of the heap; small ones are left out. A test compares the sums with
 * the peaks of real steps.
 */
import { sizeClass } from "../tensor/index.ts";
import { ACTIVATION_BYTES } from "./batchGradients.ts";
import type { ClassifierConfig } from "./classifier.ts";
import { CHANNELS, type ImageTowerConfig, imageTokens, type SigLipConfig, type Size, sidesOf } from "./config.ts";
import type { LossForm } from "./lossForm.ts";
import { classifierParameters, parameterCount } from "./parameterCount.ts";

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

/** Peak memory of a tower's forward pass without recording: the tokens, and the intermediates of attention or of an MLP. */
function passBytes({ rows, tokens, width, mlpDim, numHeads }: Sequences): number {
  const n = rows * tokens;
  const attention = f32(3 * n * width) + f32(rows * numHeads * tokens ** 2) + f32(n * width);
  return 7 * f32(n * width) + Math.max(attention, 2 * f32(n * mlpDim));
}

/** The sequences of both towers for so many texts; in training, patch dropout shortens those of the images. */
function towers(
  { image, text }: SigLipConfig,
  rows: number,
  trains: boolean,
  views = 1,
): readonly [image: Sequences, text: Sequences] {
  return [imageSequences(image, views * rows, trains), { ...text, rows, tokens: text.length }];
}

const imageSequences = (image: ImageTowerConfig, rows: number, trains: boolean): Sequences => ({
  ...image,
  rows,
  tokens: imageTokens(image, trains),
});

/** The patches that images keep; the images themselves are freed when they have been cut. */
const patchBytes = ({ image }: Pick<SigLipConfig, "image">, rows: number): number =>
  f32(rows * imageTokens(image, true) * image.patchSize ** 2 * CHANNELS);

/** Images, a copy for each side that is no multiple of a patch, and the patches. */
function pixelBytes({ image }: Pick<SigLipConfig, "image">, rows: number): number {
  const sides = sidesOf(image);
  const cut = sides.filter((side) => side % image.patchSize !== 0).length;
  return (2 + cut) * f32(rows * sides[0] * sides[1] * CHANNELS);
}

/** Whether a step trains the image tower, or runs it locked, or gets the embeddings of a locked one. */
export type ImageUse = "trained" | "locked" | "embedded";

/** Bytes of activations for `rows` texts: of both towers with the images, so many for each text, or of the text tower alone. */
export function activationBytes(config: SigLipConfig, rows: number, images: ImageUse = "trained", views = 1): number {
  const [image, text] = towers(config, rows, true, views);
  const ofTexts = towerBytes(text, config.text.pooling === "map");
  if (images !== "trained") return ofTexts;
  return patchBytes(config, image.rows) + towerBytes(image, config.image.pooling === "map") + ofTexts;
}

/** Peak bytes of embedding `rows` images or texts without recording; a classifier embeds no texts. */
export function embeddingBytes({ image, text }: EmbedderConfig, rows: number): number {
  const ofTexts = text ? passBytes({ ...text, rows, tokens: text.length }) : 0;
  return pixelBytes({ image }, rows) + Math.max(passBytes(imageSequences(image, rows, false)), ofTexts);
}

/** A SigLIP or a classifier. */
type EmbedderConfig = Pick<SigLipConfig, "image"> & Partial<Pick<SigLipConfig, "text">>;

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
 *   parameters     value; of the trained ones two moments, gradients of a shard, sums over shards by a tree, and the same in one
 *                  tensor to send to other devices
 *   activations    of all shards of the device, or of one if they are recomputed; those of a locked tower are freed at once
 *   loss           the embeddings of the device's rows with their gradients, and the blocks on the ring; for a loss that holds
 *                  all pairs, the embeddings of the whole batch on every device, and a few matrices of all pairs; with two
 *                  views, both beside the loss of one
 */
export function stepBytes(
  config: SigLipConfig,
  { batch, shards, devices, loss, images = "trained", activationLimit = ACTIVATION_BYTES }: Cut,
): number {
  const rows = batch / shards;
  const { views } = loss;
  const { total, text } = parameterCount(config);
  const all = PARAMETER_BLOCKS * 4 * total;
  const embedding = f32((batch / devices) * config.embedDim);
  const pairs = loss.holdsAllPairs ? DENSE_MATRICES * f32(batch ** 2) + 6 * f32(batch * config.embedDim) : 0;
  const [imageTower, textTower] = towers(config, rows, true, views);
  return peakBytes({
    ...{ owned: shards / devices, devices, activationLimit, all },
    trained: images === "trained" ? all : PARAMETER_BLOCKS * 4 * (text + 2),
    ofShard: activationBytes(config, rows, images, views),
    unrecorded: images === "embedded" ? passBytes(textTower) : embeddingBytes(config, views * rows),
    passesUnrecorded: images === "locked",
    transient: Math.max(backwardBytes(textTower), images === "trained" ? backwardBytes(imageTower) : 0),
    encoded: (views + 1) * embedding, // rows of embeddings for each text
    // With two views, also a copy of both and three sums of gradients.
    loss: (views === 1 ? 6 : 11) * embedding + pairs,
  });
}

/** Bytes of activations for `rows` images of a classifier. */
export const classifierActivationBytes = ({ image }: Pick<ClassifierConfig, "image">, rows: number): number =>
  patchBytes({ image }, rows) + towerBytes(imageSequences(image, rows, true), image.pooling === "map");

/** Peak bytes of a device's heap in a step of a classifier; `stepBytes` says what is counted. */
export function classifierStepBytes(
  config: ClassifierConfig,
  { batch, shards, devices, activationLimit = ACTIVATION_BYTES }: Omit<Cut, "loss" | "images">,
): number {
  const rows = batch / shards;
  const logits = f32((batch / devices) * config.classes);
  const all = PARAMETER_BLOCKS * 4 * classifierParameters(config).total;
  return peakBytes({
    ...{ owned: shards / devices, devices, activationLimit, all, trained: all },
    ofShard: classifierActivationBytes(config, rows),
    unrecorded: embeddingBytes(config, rows),
    passesUnrecorded: false,
    transient: backwardBytes(imageSequences(config.image, rows, true)),
    encoded: logits,
    loss: 6 * logits,
  });
}

/** Bytes of the parts of a step; `stepBytes` says what they are. */
interface StepParts {
  readonly owned: number;
  readonly devices: number;
  readonly activationLimit: number;
  /** All parameters, and those that are trained. */
  readonly all: number;
  readonly trained: number;
  /** Activations of a shard, and what a pass without recording takes. */
  readonly ofShard: number;
  readonly unrecorded: number;
  /** Whether there is such a pass even if activations are kept. */
  readonly passesUnrecorded: boolean;
  /** Memory of a block's backward pass. */
  readonly transient: number;
  /** The encoded rows of the device, and what the loss needs beside them and their gradients. */
  readonly encoded: number;
  readonly loss: number;
}

function peakBytes({ owned, devices, activationLimit, all, trained, ofShard, encoded, ...parts }: StepParts): number {
  const keepsAll = ofShard * owned <= activationLimit;
  const kept = keepsAll ? owned * ofShard : ofShard;
  const forward = kept + (keepsAll && !parts.passesUnrecorded ? 0 : parts.unrecorded) + 2 * encoded;
  const lossPass = kept + 2 * encoded + parts.loss;
  const backward = Array.from({ length: owned }, (_, shard) => {
    const later = keepsAll ? (owned - 1 - shard) * ofShard : 0;
    // A shard's activations are freed while its gradients are computed.
    return later + sumsBefore(shard) * trained + Math.max(ofShard + parts.transient, trained) + 3 * encoded;
  });
  const gathered = 3 * encoded + (devices === 1 ? 1 : 1 + devices) * trained; // sent as one tensor
  return Math.ceil(all + 2 * trained + Math.max(forward, lossPass, gathered, ...backward));
}

/** Partial sums of the binary tree that are held before a shard is added: the ones among its binary digits. */
const sumsBefore = (shard: number): number => shard.toString(2).replaceAll("0", "").length;
