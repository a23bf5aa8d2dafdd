/** A batch, and how a device embeds its shards: from pixels, or from embeddings that a locked image tower computed before. */
import { constant, noGrad, type Variable } from "../autograd/index.ts";
import { drawPatches, parametersOf, type Tap } from "../nn/index.ts";
import { type Communicator, ShardError } from "../parallel/index.ts";
import { type Rng, type Shape, ShapeError, scope, show, type Tensor, tensor } from "../tensor/index.ts";
import { gridOf, ModelConfigError } from "./config.ts";
import type { SigLip } from "./model.ts";

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

/** Both embeddings of one shard. */
export interface Embedded {
  readonly zimg: Variable;
  readonly ztxt: Variable;
}

/** Embeds one shard of this device. */
export type EmbedShard = (shard: number, tap?: Tap) => Variable;

/** The shards of this device: their number, and the functions that embed one. */
export function shardsOf(
  model: SigLip,
  batch: PairBatch,
  views: number,
  { rank, size: devices }: Communicator,
  shards: number,
): { owned: number; embed: { readonly [side in keyof Embedded]: EmbedShard } } {
  checkBatch(batch, views, model.config.text.length);
  const { images, imageShape, tokens, rng } = batch;
  const owned = shards / devices;
  const rows = imageShape[0] / owned; // images of a shard
  if (!Number.isInteger(owned) || !Number.isInteger(rows / views)) {
    const pairs = views === 1 ? `${imageShape[0]} pairs` : `${imageShape[0]} images, ${views} for each text,`;
    throw new ShardError(
      `train: ${pairs} on each of ${devices} devices do not divide into ${shards} shards; shards must be a multiple of the devices and divide the batch`,
    );
  }
  const part = <A extends Float32Array | Int32Array>(all: A, shard: number): A =>
    all.subarray((shard * all.length) / owned, ((shard + 1) * all.length) / owned) as A;
  const { dtype } = model.tPrime.value;
  const imagesOf = (shard: number): Tensor => tensor(part(images, shard), [rows, ...imageShape.slice(1)], dtype);
  const keptOf = (shard: number) => keptPatches(model, rng, { first: (owned * rank + shard) * rows, count: rows });
  const isLocked = ![...parametersOf(model.image).values()].some(({ requiresGrad }) => requiresGrad);
  const areEmbeddings = imageShape.length === 2;
  if (areEmbeddings) checkEmbeddings(model, imageShape, isLocked);
  const zimg: EmbedShard = (shard, tap) => {
    if (areEmbeddings) return constant(imagesOf(shard));
    if (!isLocked) return model.embedImages(imagesOf(shard), keptOf(shard), tap);
    return scope(() => noGrad(() => model.embedImages(imagesOf(shard), undefined, tap))); // frees its intermediates at once
  };
  return { owned, embed: { zimg, ztxt: (shard, tap) => model.embedTexts(part(tokens, shard), tap) } };
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
  { config: { image } }: SigLip,
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
