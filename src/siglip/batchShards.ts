/** A batch, and how a device embeds its shards: from pixels, or from embeddings that a locked image tower computed before. */
import { constant, noGrad } from "../autograd/index.ts";
import { drawPatches, trainedParameters } from "../nn/index.ts";
import { type Communicator, ShardError } from "../parallel/index.ts";
import { type DType, type Rng, type Shape, ShapeError, scope, show, type Tensor, tensor } from "../tensor/index.ts";
import { gridOf, type ImageTowerConfig, ModelConfigError } from "./config.ts";
import type { SigLip } from "./model.ts";
import type { EncodeShard, ShardCut, Shards } from "./objective.ts";

/**
 * This device's rows of a batch: row i of the images matches row i of the texts. For a loss of two views there are twice as many
 * images, and rows 2i and 2i + 1 match row i of the texts.
 */
export interface PairBatch {
  /** Pixels, [k·n, S, S, 3], or embeddings that a locked image tower computed before: rows of length 1, [k·n, d]. */
  readonly images: Float32Array;
  readonly imageShape: Shape;
  readonly tokens: Int32Array; // [k·n, L]
  /** The group of each pair, [k·n]: pairs of one group have the same text. Without groups all texts differ. */
  readonly groups?: Int32Array;
  /** The random numbers of this step, the same on every device; needed for patch dropout and for random negatives. */
  readonly rng?: Rng;
}

/** The shards of this device as pairs of images and texts. */
export function pairShards(
  model: SigLip,
  batch: PairBatch,
  views: number,
  comm: Communicator,
  shards: number,
): Shards<"zimg" | "ztxt"> {
  checkBatch(batch, views, model.config.text.length);
  const { imageShape, tokens } = batch;
  const isLocked = trainedParameters(model.image).length === 0;
  const areEmbeddings = imageShape.length === 2;
  if (areEmbeddings) checkEmbeddings(model, imageShape, isLocked);
  const { dtype } = model.tPrime.value;
  const { owned, imagesOf, keptOf } = imageShards(model.config.image, batch, { views, comm, shards, dtype });
  const zimg: EncodeShard = (shard, tap) => {
    if (areEmbeddings) return constant(imagesOf(shard));
    return scope(() => {
      // At its end the images are freed: the tower has cut them into patches.
      if (!isLocked) return model.embedImages(imagesOf(shard), keptOf(shard), tap);
      return noGrad(() => model.embedImages(imagesOf(shard), undefined, tap));
    });
  };
  return { owned, encode: { zimg, ztxt: (shard, tap) => model.embedTexts(partOf(tokens, shard, owned), tap) } };
}

/** A shard's part of the numbers of all shards of this device. */
const partOf = <A extends Float32Array | Int32Array>(all: A, shard: number, owned: number): A =>
  all.subarray((shard * all.length) / owned, ((shard + 1) * all.length) / owned) as A;

/** How the images of a batch are cut into shards. */
interface ImageCut extends ShardCut {
  /** Images of each item. */
  readonly views: number;
  readonly dtype: DType;
}

/** The images of this device's shards, and the patches that they keep. Throws `ShardError` if they do not divide into shards. */
export function imageShards(
  config: ImageTowerConfig,
  { images, imageShape, rng }: Pick<PairBatch, "images" | "imageShape" | "rng">,
  { views, comm: { rank, size: devices }, shards, dtype }: ImageCut,
): { owned: number; imagesOf(shard: number): Tensor; keptOf(shard: number): Int32Array | undefined } {
  const owned = shards / devices;
  const rows = imageShape[0] / owned; // images of a shard
  if (!Number.isInteger(owned) || !Number.isInteger(rows / views)) {
    const pairs = views === 1 ? `${imageShape[0]} pairs` : `${imageShape[0]} images, ${views} for each text,`;
    throw new ShardError(
      `train: ${pairs} on each of ${devices} devices do not divide into ${shards} shards; shards must be a multiple of the devices and divide the batch`,
    );
  }
  return {
    owned,
    imagesOf: (shard) => tensor(partOf(images, shard, owned), [rows, ...imageShape.slice(1)], dtype),
    keptOf: (shard) => keptPatches(config, rng, { first: (owned * rank + shard) * rows, count: rows }),
  };
}

/** Throws `ShapeError` unless a batch has typed arrays of as many texts as images. */
function checkBatch({ images, imageShape, tokens, groups }: PairBatch, views: number, length: number): void {
  if (!(images instanceof Float32Array)) {
    const how = "Float32Array.from(images.flat(Infinity)) makes one of nested arrays";
    throw new ShapeError(`train: the images of a batch must be one Float32Array; ${how}`);
  }
  if (!Array.isArray(imageShape)) {
    throw new ShapeError("train: a batch needs imageShape, the shape of its images, such as [B, S, S, 3]");
  }
  if (!(tokens instanceof Int32Array)) {
    const how = "Int32Array.from(tokens.flat()) makes one of arrays of ids, and encodeAll of texts";
    throw new ShapeError(
      `train: the tokens of a batch must be one Int32Array, a row of ${length} ids for each text; ${how}`,
    );
  }
  const pairs = imageShape[0] / views;
  if (!Number.isInteger(pairs)) return; // refused with the shards
  if (tokens.length !== pairs * length || (groups && groups.length !== pairs)) {
    const counted = `${tokens.length} ids${groups ? ` and ${groups.length} groups` : ""}`;
    const wanted = `${pairs * length} (${pairs} rows of ${length})${groups ? ` and ${pairs}` : ""}`;
    const of = views === 1 ? "" : `, ${views} for each text,`;
    throw new ShapeError(`train: a batch of images ${show(imageShape)}${of} has ${counted}; it needs ${wanted}`);
  }
}

/** Throws `ShapeError` if a batch cannot hold embeddings in place of pixels. */
function checkEmbeddings({ embedDim }: SigLip, shape: Shape, isLocked: boolean): void {
  if (shape[1] !== embedDim) {
    throw new ShapeError(
      `train: embeddings ${show(shape)} of images are not rows of ${embedDim}, the model's embedDim`,
    );
  }
  if (!isLocked) {
    throw new ShapeError(
      `train: a batch of embeddings ${show(shape)} cannot train the image tower; give pixels, or freeze(parametersOf(model), ["image/.*"])`,
    );
  }
}

/** The patches that some images of the whole batch keep; undefined without patch dropout. */
function keptPatches(
  image: ImageTowerConfig,
  rng: Rng | undefined,
  rows: { readonly first: number; readonly count: number },
): Int32Array | undefined {
  const { patchDropout = 0 } = image;
  if (patchDropout === 0) return undefined;
  if (rng === undefined) {
    throw new ModelConfigError(
      `train: patchDropout ${patchDropout} drops patches at random, but the batch has no random numbers; add those of its step: { ...batch, rng: new Rng(seed).split(step) }`,
    );
  }
  const [height, width] = gridOf(image);
  return drawPatches(rng, rows, height * width, patchDropout);
}
