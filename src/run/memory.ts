/** Whether a run fits into the memory of its devices: estimated from its configuration before anything starts. */

import { type RowShape, sharedRowsBytes } from "../data/index.ts";
import {
  ACTIVATION_BYTES,
  activationBytes,
  CHANNELS,
  classifierActivationBytes,
  classifierParameters,
  classifierStepBytes,
  type ImageUse,
  parameterCount,
  type SigLipConfig,
  stepBytes,
} from "../siglip/index.ts";
import { HEAP_BYTES } from "../tensor/index.ts";
import { type Config, ConfigError, modelConfig } from "./config.ts";
import { hasFixedImages } from "./dataSets.ts";
import { classifierConfig, lossOf } from "./model.ts";

/** A freed block fits only tensors of its own size class, so a heap is never used in full. */
const EASY_BYTES = 0.75 * HEAP_BYTES;
const MOST_SHARDS = 4096;
/** More than any data set has; their number is known only when the data is opened. */
export const MOST_CLASSES = 128;

const gib = (bytes: number): string => {
  const size = bytes / 2 ** 30;
  return `${size < 100 ? size.toPrecision(2) : Math.round(size)} GiB`;
};

/** The largest model of a run, before its tokenizer is known, which may have fewer tokens than the configuration allows. */
const largestModel = (config: Config): SigLipConfig => modelConfig(config, config.tokenizer.vocabSize);

/** What the steps of a run do with the image tower: a locked one embeds each image once, if their list is finite. */
export function imageUse(config: Config): ImageUse {
  if (config.train.lock === "none") return "trained";
  return hasFixedImages(config) ? "embedded" : "locked";
}

/** What a row of the batches of a run holds; an image is pixels or an embedding. */
export function rowShapeOf(config: Config): RowShape {
  const { imageSize } = config.model.image;
  const imageShape = imageUse(config) === "embedded" ? [config.model.embedDim] : [imageSize, imageSize, CHANNELS];
  return { imageShape, views: lossOf(config).views, length: config.tokenizer.length };
}

/** Bytes of heap that each device needs for a step. */
export function deviceBytes(config: Config, shards: number, devices: number): number {
  const cut = { batch: config.train.batch, shards, devices };
  if (config.train.objective === "classify") return classifierStepBytes(classifierConfig(config, MOST_CLASSES), cut);
  return stepBytes(largestModel(config), { ...cut, loss: lossOf(config), images: imageUse(config) });
}

/** Bytes of activations for `rows` items. */
const shardBytes = (config: Config, rows: number): number =>
  config.train.objective === "classify"
    ? classifierActivationBytes(config.model, rows)
    : activationBytes(largestModel(config), rows, imageUse(config), lossOf(config).views);

/** Parameters of the largest model of a run. */
const mostParameters = (config: Config): number =>
  config.train.objective === "classify"
    ? classifierParameters(classifierConfig(config, MOST_CLASSES)).total
    : parameterCount(largestModel(config)).total;

/** Shard counts that divide the batch and are multiples of the number of devices, in ascending order. */
function possibleShards({ batch }: Config["train"], devices: number): number[] {
  const most = Math.min(batch, MOST_SHARDS);
  const multiples = Array.from({ length: Math.floor(most / devices) }, (_, i) => (i + 1) * devices);
  return multiples.filter((shards) => batch % shards === 0);
}

/**
 * The smallest number of shards, at least `from`, with which a step fits easily; if there is none, the number that needs the
 * least memory. The number of devices must divide the batch.
 */
export function fittingShards(config: Config, devices: number, from = 1): number {
  const possible = possibleShards(config.train, devices).filter((shards) => shards >= from);
  const needs = (shards: number): number => deviceBytes(config, shards, devices);
  const fits = (shards: number): boolean =>
    shardBytes(config, config.train.batch / shards) <= ACTIVATION_BYTES && needs(shards) <= EASY_BYTES;
  const found = possible.find(fits);
  if (found !== undefined) return found;
  return possible.reduce((least, shards) => (needs(shards) < needs(least) ? shards : least), possible[0] ?? from);
}

/** Whether a step fits on so many devices with the best number of shards. */
export const fitsOn = (config: Config, devices: number): boolean =>
  deviceBytes(config, fittingShards(config, devices), devices) <= HEAP_BYTES;

/** Throws `ConfigError` if a step does not fit on its devices; the message says what would. */
export function checkMemory(config: Config, devices: number): void {
  const { batch, shards } = config.train;
  const bytes = deviceBytes(config, shards, devices);
  if (bytes <= HEAP_BYTES) return;
  const counted = devices === 1 ? "the device" : `each of ${devices} devices`;
  const detail = `a step needs about ${gib(bytes)} on ${counted} with a batch of ${batch} in ${shards} shards, and a device can address ${gib(HEAP_BYTES)}; ${remedyFor(config, devices)}`;
  throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "train.shards", detail }]);
}

/** Advice, in words, that makes a step fit. */
export function remedyFor(config: Config, devices: number): string {
  const { batch, shards } = config.train;
  const better = fittingShards(config, devices);
  if (better > shards && deviceBytes(config, better, devices) <= HEAP_BYTES) return `use --shards ${better}`;
  for (let fewer = devices - 1; fewer >= 1; fewer--) {
    if (batch % fewer === 0 && fitsOn(config, fewer))
      return `use --devices ${fewer} --shards ${fittingShards(config, fewer)}`;
  }
  for (let smaller = Math.floor(batch / 2); smaller >= devices; smaller = Math.floor(smaller / 2)) {
    const most = smaller - (smaller % devices);
    const other = { ...config, train: { ...config.train, batch: most } };
    if (fitsOn(other, devices)) return `use --batch ${most} --shards ${fittingShards(other, devices)}`;
  }
  return "use a smaller model: lower its width, depth or mlpDim, or imageSize / patchSize";
}

/** Approximate bytes of a whole run: the heaps of its devices, the parameters that a logged step keeps beside them, its batches. */
export function runBytes(config: Config, devices: number): number {
  const { batch, shards } = config.train;
  const rows = sharedRowsBytes(batch, rowShapeOf(config));
  const kept = 4 * mostParameters(config);
  return devices * (deviceBytes(config, shards, devices) + kept) + rows;
}
