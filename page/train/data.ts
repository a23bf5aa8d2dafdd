/** The emoji of the atlas as training pairs and as a test set. */
import { augmentations, drawView, plainView, randomView } from "../../src/data/augment.ts";
import {
  batchesPerEpoch,
  itemsOfStep,
  newBatch,
  type Pairs,
  type PictureSet,
  rowsOfStep,
  secondView,
  toBytes,
} from "../../src/data/batches.ts";
import { encodeAll, type Tokenizer, trainBpe } from "../../src/tokenizers/index.ts";
import { type Atlas, CELL, PICTURE_BYTES, pictureOf } from "../atlas/atlas.ts";
import { LENGTH, VOCABULARY } from "./recipe.ts";

/** The styles of the atlas that training sees; the last style is for testing. */
const TRAINED = [0, 1, 2];
export const UNSEEN = 3;

/** Byte pairs learned from the names. */
export const tokenizerOf = ({ names }: Atlas): Tokenizer => trainBpe(names, VOCABULARY);

/** Share of images with an outline, like those of the unseen style. */
const OUTLINED = 0.3;

/** Batches in which each emoji comes in two styles, augmented; its text is its name. */
export function pairsOf(atlas: Atlas, tokenizer: Tokenizer): Pairs {
  const size = atlas.names.length;
  const outlined = withOutlines(atlas);
  const texts = encodeAll(tokenizer, atlas.names, LENGTH);
  const itemsOf = itemsOfStep(size);
  const row = { imageShape: [CELL, CELL, 3], views: 2, length: LENGTH } as const;
  const stride = CELL * CELL * 3;
  return {
    size,
    ...row,
    batchesPerEpoch: (batch) => batchesPerEpoch(size, batch),
    batch(seed, step, batch, into = newBatch(batch, row), first = 0) {
      const rngOf = rowsOfStep(seed, step);
      itemsOf(seed, step, batch)
        .subarray(first, first + into.items.length)
        .forEach((item, i) => {
          into.items[i] = item;
          into.tokens.set(texts.subarray(item * LENGTH, (item + 1) * LENGTH), i * LENGTH);
          const rng = rngOf(first + i);
          const second = secondView(rng);
          const style = Math.floor(rng.uniform() * TRAINED.length);
          const other = (style + 1 + Math.floor(second.uniform() * (TRAINED.length - 1))) % TRAINED.length;
          for (const [view, [drawn, random]] of (
            [
              [style, rng],
              [other, second],
            ] as const
          ).entries()) {
            const picture = pictureOf(random.uniform() < OUTLINED ? outlined : atlas, TRAINED[drawn], item);
            drawView(
              picture,
              CELL,
              randomView(random, augmentations.light),
              CELL,
              into.images,
              (2 * i + view) * stride,
            );
          }
        });
      return into;
    },
  };
}

/** Every picture with a black outline of a pixel: alpha grows to the highest of its 3 × 3 neighbours, colours stay. */
export function withOutlines(atlas: Atlas): Atlas {
  const out = atlas.pictures.slice();
  const alphas = Array.from({ length: CELL * CELL }, (_, i) => 4 * i + 3);
  for (let picture = 0; picture < out.length; picture += PICTURE_BYTES) {
    for (const step of [1, CELL]) {
      const before = alphas.map((at) => out[picture + at]);
      alphas.forEach((at, i) => {
        const place = Math.floor(i / step) % CELL; // along the axis
        const [left, right] = [place > 0 ? before[i - step] : 0, place < CELL - 1 ? before[i + step] : 0];
        out[picture + at] = Math.max(left, before[i], right);
      });
    }
  }
  return { ...atlas, pictures: out };
}

/** All emoji in one style, not augmented, with their names. */
export function picturesOf(atlas: Atlas, style: number): PictureSet {
  const { names } = atlas;
  const stride = CELL * CELL * 3;
  const pixels = (from = 0, end = names.length): Float32Array => {
    const out = new Float32Array((end - from) * stride);
    for (let item = from; item < end; item++)
      drawView(pictureOf(atlas, style, item), CELL, plainView, CELL, out, (item - from) * stride);
    return out;
  };
  return {
    count: names.length,
    side: CELL,
    pixels,
    texts: names,
    owner: Int32Array.from(names.keys()),
    names,
    rgb: (i) => toBytes(pixels(i, i + 1)),
  };
}

/** The styles that training sees, as galleries for the nearest pixels. */
export const galleriesOf = (atlas: Atlas): PictureSet[] => TRAINED.map((style) => picturesOf(atlas, style));
