/**
 * Icons as training data: 38,000 names, drawn by up to 44 of 47 sets, and other sets to test on (iconSets.ts).
 *
 * An item is a name, so a batch of 32,768 has no name twice. A row shows it as a random one of the sets that draw it does, augmented;
 * its second view is that of another set, if there is one. Most names are drawn by one set, 7,000 by two or more.
 *
 *   prepareIcons (once) → openIcons → iconPairs (batches to train on), iconPictures (a set to evaluate on)
 */

import { encodeAll, type Tokenizer } from "../tokenizers/index.ts";
import { type Augmentation, augmentations, drawView, plainView, randomView } from "./augment.ts";
import {
  batchesPerEpoch,
  itemsOfStep,
  newBatch,
  type Pairs,
  type PictureSet,
  type RowShape,
  rowsOfStep,
  secondView,
  toBytes,
  type Views,
} from "./batches.ts";
import { ICON_BYTES, ICON_SIDE, type OpenedIcons } from "./iconFiles.ts";
import type { IconUse } from "./iconSets.ts";

/** An icon: a name as one set draws it. */
export interface Icon {
  readonly name: string;
  /** The stored picture, [32, 32, 4]; empty if the set was opened without pictures. */
  readonly picture: Uint8Array;
}

/** The names of all sets of one use, in their order, each with the icons that draw it. */
export function iconsByName({ sets }: OpenedIcons, use: IconUse): ReadonlyMap<string, readonly Icon[]> {
  const found = new Map<string, Icon[]>();
  for (const set of sets) {
    if (set.use !== use) continue;
    for (const icon of iconsOf(set)) {
      const icons = found.get(icon.name);
      if (icons) icons.push(icon);
      else found.set(icon.name, [icon]);
    }
  }
  return found;
}

/** The icons of a set. */
export const iconsOf = ({ names, rows, pictures }: OpenedIcons["sets"][number]): readonly Icon[] =>
  rows.map((row, i) => ({ name: names[i], picture: pictures.subarray(row * ICON_BYTES, (row + 1) * ICON_BYTES) }));

/** Options of `iconPairs`. */
export interface IconPairsOptions {
  readonly tokenizer: Tokenizer;
  readonly length: number;
  readonly side?: number;
  readonly augmentation?: Augmentation;
  /** Images of each name in a batch, by different sets if several draw it; 1 by default. */
  readonly views?: Views;
}

/** Batches of augmented icons of the training sets; `items` of a batch are indices into their names. */
export function iconPairs(data: OpenedIcons, options: IconPairsOptions): Pairs {
  const { tokenizer, length, side = 24, augmentation = augmentations.light, views = 1 } = options;
  const byName = iconsByName(data, "train");
  const drawn = [...byName.values()];
  const names = encodeAll(tokenizer, [...byName.keys()], length);
  const itemsOf = itemsOfStep(drawn.length);
  const row: RowShape = { imageShape: [side, side, 3], views, length };
  return {
    size: drawn.length,
    ...row,
    batchesPerEpoch: (batch) => batchesPerEpoch(drawn.length, batch),
    batch(seed, step, batch, into = newBatch(batch, row), first = 0) {
      const { images, tokens, items } = into;
      const each = side * side * 3;
      const rngOf = rowsOfStep(seed, step);
      items.set(itemsOf(seed, step, batch).subarray(first, first + items.length));
      items.forEach((item, i) => {
        tokens.set(names.subarray(item * length, (item + 1) * length), i * length);
        const icons = drawn[item];
        const rng = rngOf(first + i);
        const which = Math.floor(rng.uniform() * icons.length);
        drawView(icons[which].picture, ICON_SIDE, randomView(rng, augmentation), side, images, i * views * each);
        if (views === 1) return;
        const second = secondView(rng);
        const other = (which + 1 + Math.floor(second.uniform() * (icons.length - 1))) % icons.length;
        const at = (i * views + 1) * each;
        drawView(icons[other].picture, ICON_SIDE, randomView(second, augmentation), side, images, at);
      });
      return into;
    },
  };
}

/** Icons, not augmented, each with its name. */
export function iconPictures(icons: readonly Icon[], side = 24): PictureSet {
  const stride = side * side * 3;
  const pixels = (from = 0, end = icons.length): Float32Array => {
    const out = new Float32Array((end - from) * stride);
    icons.slice(from, end).forEach(({ picture }, i) => {
      drawView(picture, ICON_SIDE, plainView, side, out, i * stride);
    });
    return out;
  };
  const names = icons.map(({ name }) => name);
  return {
    count: icons.length,
    side,
    pixels,
    texts: names,
    owner: Int32Array.from(icons.keys()),
    names,
    rgb: (i) => toBytes(pixels(i, i + 1)),
  };
}
