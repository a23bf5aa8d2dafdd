/**
 * Captioned images of the user as training data.
 *
 *   openFiles (reads and decodes every image, once) → filesPairs (batches to train on), filesPictures (images to test on)
 *
 * An item is an image. A row of a batch has one of its captions, each equally likely, and a view of it.
 */

import { Rng } from "../tensor/index.ts";
import { encodeAll, type Tokenizer } from "../tokenizers/index.ts";
import { type Augmentation, augmentations, plainView, randomView, type View } from "./augment.ts";
import {
  batchesPerEpoch,
  type ImageList,
  itemsOfStep,
  newBatch,
  type Pairs,
  type PictureSet,
  type RowShape,
  rowsOfStep,
  secondView,
  type Views,
} from "./batches.ts";
import { bytesOf, drawerOf, type PictureForm, rgbOf } from "./pictureForm.ts";
import type { Split } from "./sources/row.ts";
import type { Caption } from "./sources/scan.ts";

/** An image with its captions. */
export interface FileItem {
  /** SHA-256 of its file, in hex. */
  readonly sha256: string;
  readonly name: string;
  readonly captions: readonly Caption[];
  /** The split that its source names. */
  readonly split?: Split | undefined;
  /** Share of its area that was cut off around the content. */
  readonly cutOff: number;
}

/** Images that were read and decoded, sorted by their SHA-256. */
export interface FileImages {
  readonly items: readonly FileItem[];
  readonly form: PictureForm;
  /** The stored picture of an item. */
  picture(item: number): Uint8Array;
}

/** The texts of items one after the other, encoded, with where those of each begin. */
function encoded({ items }: FileImages, tokenizer: Tokenizer, length: number) {
  const first = [0];
  for (const { captions } of items) first.push(first.at(-1)! + captions.length);
  const texts = items.flatMap(({ captions }) => captions.map(({ text }) => text));
  return { first, tokens: encodeAll(tokenizer, texts, length) };
}

/** Options of `filesPairs`. */
export interface FilesPairsOptions {
  readonly tokenizer: Tokenizer;
  readonly length: number;
  readonly side?: number;
  readonly augmentation?: Augmentation;
  /** Images of each item in a batch: its image in two augmentations; 1 by default. */
  readonly views?: Views;
  /** The items to train on. */
  readonly chosen: Int32Array;
  /** Embeddings of `filesImages`, [chosen, d]: batches then hold these in place of pixels. */
  readonly embeddings?: Float32Array | undefined;
}

/** Batches of augmented images; `items` of a batch are indices into all items. */
export function filesPairs(data: FileImages, options: FilesPairsOptions): Pairs {
  const { tokenizer, length, side = 32, augmentation = augmentations.light, views = 1, chosen, embeddings } = options;
  const { first: begins, tokens: texts } = encoded(data, tokenizer, length);
  const itemsOf = itemsOfStep(chosen.length);
  const imageShape = embeddings ? [embeddings.length / chosen.length] : [side, side, 3];
  const each = imageShape.reduce((a, b) => a * b);
  const drawPicture = drawerOf(data.form, side);
  const toRgb = rgbOf(data.form);
  const draw = (place: number, rng: Rng, out: Float32Array, at: number): void => {
    if (embeddings) out.set(embeddings.subarray(place * each, (place + 1) * each), at);
    else drawPicture(data.picture(chosen[place]), randomView(rng, augmentation), out, at);
  };
  const row: RowShape = { imageShape, views, length };
  return {
    size: chosen.length,
    ...row,
    ...(toRgb ? { toRgb } : {}),
    batchesPerEpoch: (batch) => batchesPerEpoch(chosen.length, batch),
    batch(seed, step, batch, into = newBatch(batch, row), first = 0) {
      const { images, tokens, items } = into;
      const rngOf = rowsOfStep(seed, step);
      itemsOf(seed, step, batch)
        .subarray(first, first + items.length)
        .forEach((place, i) => {
          const item = chosen[place];
          items[i] = item;
          const rng = rngOf(first + i);
          const text = begins[item] + Math.floor(rng.uniform() * (begins[item + 1] - begins[item]));
          tokens.set(texts.subarray(text * length, (text + 1) * length), i * length);
          draw(place, rng, images, i * views * each);
          if (views === 2) draw(place, secondView(rng), images, (i * views + 1) * each);
        });
      return into;
    },
  };
}

/** Pixels of items in one view, [chosen, side, side, 3]. */
function pixelsOf(data: FileImages, chosen: Int32Array, view: View, side: number): Float32Array {
  const stride = side * side * 3;
  const out = new Float32Array(chosen.length * stride);
  const draw = drawerOf(data.form, side);
  chosen.forEach((item, i) => {
    draw(data.picture(item), view, out, i * stride);
  });
  return out;
}

/** The code of a language that is not known (ISO 639-2). */
const UNNAMED = "und";

/** Items to test on, each with all its captions, and their languages if the source names some. */
export function filesPictures(data: FileImages, chosen: Int32Array, side = 32): PictureSet {
  const { items } = data;
  const captions = Array.from(chosen).flatMap((item, owner) =>
    items[item].captions.map(({ text, language = UNNAMED }) => ({ text, language, owner })),
  );
  const languages = captions.map(({ language }) => language);
  return {
    count: chosen.length,
    side,
    pixels: (from = 0, end = chosen.length) => pixelsOf(data, chosen.subarray(from, end), plainView, side),
    texts: captions.map(({ text }) => text),
    owner: Int32Array.from(captions, ({ owner }) => owner),
    ...(languages.every((language) => language === UNNAMED) ? {} : { languages }),
    names: Array.from(chosen, (item) => items[item].name),
    rgb: (i) => bytesOf(data.form, data.picture(chosen[i]), side),
  };
}

/** The images that training shows of some items if it does not augment them: as augmentation "none" draws them, to the same bits. */
export function filesImages(data: FileImages, chosen: Int32Array, side = 32): ImageList {
  const view = randomView(new Rng(0), augmentations.none);
  return {
    count: chosen.length,
    side,
    pixels: (from, end) => pixelsOf(data, chosen.subarray(from, end), view, side),
    stored: (image) => data.picture(chosen[image]),
  };
}
