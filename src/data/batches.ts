/**
 * The data of training and evaluation: batches of (picture, text) pairs, and sets of pictures with their texts.
 *
 * A batch is a pure function of (seed, step): a run can resume at any step, several devices can draw rows in any order, and all
 * get the same bits. Every random choice is keyed by (seed, step, row), and that of a second view by (seed, step, row, view).
 *
 * The sigmoid loss takes all other pairs of a batch as negatives, so an item (one emoji, one scene) occurs at most once in it.
 * An epoch is a permutation of the items, cut into batches; the remainder is left out.
 */
import { Rng } from "../tensor/index.ts";

/** Rows of images and their texts. A row is one item: its text, and one image or two views of it. */
export interface Batch {
  /** Pixels as model input, [views·B, side, side, 3], or embeddings that a locked tower computed before, [views·B, d]. */
  readonly images: Float32Array;
  readonly imageShape: readonly number[];
  /** [B, length] */
  readonly tokens: Int32Array;
  /** The item each row shows, [B]. */
  readonly items: Int32Array;
}

/** What a row of a batch holds. */
export interface RowShape {
  /** Shape of an image: [side, side, 3], or [d] for embeddings. */
  readonly imageShape: readonly number[];
  /** Images of a row: with two, the views of row i are the images 2i and 2i + 1. */
  readonly views: Views;
  /** Tokens of a text. */
  readonly length: number;
}

/** Images of each item in a batch. */
export type Views = 1 | 2;

/** A source of batches. */
export interface Pairs extends RowShape {
  /** Distinct items, each once in an epoch. */
  readonly size: number;
  batchesPerEpoch(batch: number): number;
  /**
   * The batch of a step, a pure function of seed, step and size. With `into`, fills it with as many rows as it holds, from row
   * `first` on; without it, returns the whole batch in new arrays.
   */
  batch(seed: number, step: number, batch: number, into?: Batch, first?: number): Batch;
  /** An image of a batch as bytes to look at, [side, side, 3]; without it images are in ink, as `toBytes` takes them. */
  toRgb?(image: Float32Array): Uint8Array;
}

/** Numbers of all images of a row. */
const sizeOf = ({ imageShape, views }: RowShape): number => imageShape.reduce((a, b) => a * b, views);

/** Allocates a batch of so many rows. */
export const newBatch = (batch: number, row: RowShape): Batch => ({
  images: new Float32Array(batch * sizeOf(row)),
  imageShape: [batch * row.views, ...row.imageShape],
  tokens: new Int32Array(batch * row.length),
  items: new Int32Array(batch),
});

/** Bytes of a batch. */
export const batchBytes = (batch: number, row: RowShape): number => 4 * batch * (sizeOf(row) + row.length + 1);

/** Allocates a batch in memory that threads share. */
export const newSharedBatch = (batch: number, row: RowShape): Batch => ({
  images: new Float32Array(new SharedArrayBuffer(4 * batch * sizeOf(row))),
  imageShape: [batch * row.views, ...row.imageShape],
  tokens: new Int32Array(new SharedArrayBuffer(4 * batch * row.length)),
  items: new Int32Array(new SharedArrayBuffer(4 * batch)),
});

/** Rows first..end−1 of a batch, as views. */
export function rowsBetween({ images, imageShape, tokens, items }: Batch, first: number, end: number): Batch {
  const part = <A extends Float32Array | Int32Array>(all: A): A =>
    all.subarray((first * all.length) / items.length, (end * all.length) / items.length) as A;
  return {
    images: part(images),
    imageShape: [((end - first) * imageShape[0]) / items.length, ...imageShape.slice(1)],
    tokens: part(tokens),
    items: part(items),
  };
}

/** Pictures with their texts, for evaluation. They are drawn when they are needed, so a device draws only those that it embeds. */
export interface PictureSet {
  readonly count: number;
  readonly side: number;
  /** Draws pictures first..end−1, by default all, not augmented: model input, [end − first, side, side, 3]. */
  pixels(first?: number, end?: number): Float32Array;
  readonly texts: readonly string[];
  /** The picture each text belongs to. */
  readonly owner: Int32Array;
  /** The language of each text as a code such as "en"; only of data with languages. */
  readonly languages?: readonly string[];
  /** A name for each picture. */
  readonly names: readonly string[];
  /** Picture i as bytes for a report, [side, side, 3]. */
  rgb(i: number): Uint8Array;
}

/** A finite list of images to train on, in a fixed order. */
export interface ImageList {
  readonly count: number;
  readonly side: number;
  /** Draws images from..end−1 as model input, [end − from, side, side, 3]. */
  pixels(from: number, end: number): Float32Array;
  /** The bytes from which an image is drawn, to recognize it. */
  stored(image: number): Uint8Array;
}

/** A request that the data cannot satisfy; the message names the number to change. */
export class DataError extends Error {
  override readonly name = "DataError";
}

/** A colour channel in 0..1 as model input: 0 for white, 2 for no light. Pictures are mostly white, so inputs are mostly 0. */
export const toInput = (channel: number): number => 2 * (1 - channel);

/** Converts model input to bytes. */
export function toBytes(pixels: Float32Array): Uint8Array {
  return Uint8Array.from(pixels, (value) => Math.round(255 * Math.min(1, Math.max(0, 1 - value / 2))));
}

/** Whole batches in an epoch. Throws `DataError` if a batch would hold an item twice. */
export function batchesPerEpoch(size: number, batch: number): number {
  if (!Number.isInteger(batch) || batch < 1 || batch > size) {
    throw new DataError(`batch: ${batch} rows cannot show ${size} distinct items once each; choose 1..${size}`);
  }
  return Math.floor(size / batch);
}

/** A function that draws the items of a step from `size`: (seed, step, batch) → [batch]. Caches the order of one epoch. */
export function itemsOfStep(size: number): (seed: number, step: number, batch: number) => Uint32Array {
  let key = "";
  let order: Uint32Array = new Uint32Array(0);
  return (seed, step, batch) => {
    const perEpoch = batchesPerEpoch(size, batch);
    if (!Number.isSafeInteger(step) || step < 0)
      throw new DataError(`batch: step ${step} must be an integer of at least 0`);
    const epoch = Math.floor(step / perEpoch);
    if (key !== `${seed}/${epoch}`) {
      order = new Rng(seed).split("epoch").split(epoch).permutation(size);
      key = `${seed}/${epoch}`;
    }
    const start = (step % perEpoch) * batch;
    return order.subarray(start, start + batch);
  };
}

/** The random generators of the rows of a step, each independent of the others. */
export const rowsOfStep = (seed: number, step: number): ((row: number) => Rng) => {
  const ofStep = new Rng(seed).split("rows").split(step);
  return (row) => ofStep.split(row);
};

/** The random generator of the second view of a row, whose text and first view are those of a row with one image. */
export const secondView = (ofRow: Rng): Rng => ofRow.split("view").split(1);
