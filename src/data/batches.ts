/**
 * What training and evaluation read: batches of (picture, text) pairs, and sets of pictures with their texts.
 *
 * A batch is a pure function of (seed, step): nothing is consumed, so a run can resume at any step, several workers can
 * prepare batches in any order, and all get the same bits. Every random choice is keyed by (seed, step, row).
 *
 * The sigmoid loss calls every other pair of a batch a negative, so an item (a class: one emoji, one scene) occurs at most
 * once in it. An epoch is a permutation of the items, cut into batches; what is left over at its end waits for the next.
 */
import { Rng } from "../tensor/index.ts";

export interface Batch {
  /** Model input, [B, side, side, 3]. */
  readonly pixels: Float32Array;
  /** [B, side, side, 3] */
  readonly imageShape: readonly number[];
  /** [B, length] */
  readonly tokens: Int32Array;
  /** The item each row shows, [B]. */
  readonly items: Int32Array;
}

export interface Pairs {
  /** Distinct items, each once in an epoch. */
  readonly size: number;
  /** Pixels along a side of a picture. */
  readonly side: number;
  /** Ids in a text. */
  readonly length: number;
  batchesPerEpoch(batch: number): number;
  /**
   * The batch of a step, a pure function of seed, step and size: all of it in new arrays, or in `into` as many of its rows,
   * beginning with `first`, as `into` holds.
   */
  batch(seed: number, step: number, batch: number, into?: Batch, first?: number): Batch;
}

/** Room for a batch. */
export const newBatch = (batch: number, side: number, length: number): Batch => ({
  pixels: new Float32Array(batch * side * side * 3),
  imageShape: [batch, side, side, 3],
  tokens: new Int32Array(batch * length),
  items: new Int32Array(batch),
});

/** Bytes of a batch. */
export const batchBytes = (batch: number, side: number, length: number): number =>
  4 * batch * (side * side * 3 + length + 1);

/** Room for a batch in memory that threads share. */
export const newSharedBatch = (batch: number, side: number, length: number): Batch => ({
  pixels: new Float32Array(new SharedArrayBuffer(4 * batch * side * side * 3)),
  imageShape: [batch, side, side, 3],
  tokens: new Int32Array(new SharedArrayBuffer(4 * batch * length)),
  items: new Int32Array(new SharedArrayBuffer(4 * batch)),
});

/** Rows first..end−1 of a batch, in place. */
export function rowsBetween({ pixels, imageShape, tokens, items }: Batch, first: number, end: number): Batch {
  const part = <A extends Float32Array | Int32Array>(all: A): A =>
    all.subarray((first * all.length) / items.length, (end * all.length) / items.length) as A;
  return {
    pixels: part(pixels),
    imageShape: [end - first, ...imageShape.slice(1)],
    tokens: part(tokens),
    items: part(items),
  };
}

export interface PictureSet {
  readonly count: number;
  readonly side: number;
  /** Model input, [count, side, side, 3], nothing augmented. */
  readonly pixels: Float32Array;
  readonly texts: readonly string[];
  /** The picture each text belongs to. */
  readonly owner: Int32Array;
  /** A name for each picture. */
  readonly names: readonly string[];
  /** Picture i as bytes for a report, [side, side, 3]. */
  rgb(i: number): Uint8Array;
}

/** A request that the data cannot serve: the message says which number to change. */
export class DataError extends Error {
  override readonly name = "DataError";
}

/** A colour channel in 0..1 as model input: 0 on white, 2 where there is no light. Most of a picture is white, so most is 0. */
export const toInput = (channel: number): number => 2 * (1 - channel);

/** Model input back to bytes. */
export function toBytes(pixels: Float32Array): Uint8Array {
  return Uint8Array.from(pixels, (value) => Math.round(255 * Math.min(1, Math.max(0, 1 - value / 2))));
}

export function batchesPerEpoch(size: number, batch: number): number {
  if (!Number.isInteger(batch) || batch < 1 || batch > size) {
    throw new DataError(`batch: ${batch} rows cannot show ${size} distinct items once each; choose 1..${size}`);
  }
  return Math.floor(size / batch);
}

/** The items of a step, drawn from `size`: (seed, step, batch) → [batch]. Remembers the order of the last epoch only. */
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

/** The generator of one row of one step, whatever else was drawn. */
export const rowsOfStep = (seed: number, step: number): ((row: number) => Rng) => {
  const ofStep = new Rng(seed).split("rows").split(step);
  return (row) => ofStep.split(row);
};
