/**
 * Emoji as training data: 1,594 drawings in four styles, with their names in one or many languages, and some in a fifth.
 *
 * The task is to generalize to a new drawing style: train on noto, twemoji and fluent, test on openmoji. A row of a batch is one
 * emoji in a random style, stroked with probability 0.3 and augmented, or two such views of it; its text is the name, of several
 * languages in a random one.
 *
 *   openEmoji (render once, or read the cache) → emojiPairs (batches to train on), emojiPictures (a set to evaluate on)
 *
 * OpenMoji's drawings are CC-BY-SA-4.0; so are pictures derived from them. The cache is for this machine only.
 */
import { Rng } from "../tensor/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { type Augmentation, augmentations, drawView, plainView, randomView } from "./augment.ts";
import {
  batchesPerEpoch,
  DataError,
  type ImageList,
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
import { EMOJI_SETS, EMOJI_STYLES, type Emoji, type EmojiStyle, emojiJson, emojiList, iconName } from "./emojiList.ts";
import { type EmojiNames, emojiNames } from "./emojiNames.ts";
import { RECIPE, renderEmoji } from "./emojiRender.ts";
import { namesIn, textsOf } from "./emojiTexts.ts";
import { type CacheKey, readPictures, writePictures } from "./pictureCache.ts";
import { STORED, STORED_BYTES } from "./storedPicture.ts";

/** The styles for training and testing; `unseen` also holds out 160 emoji in every style. */
export interface EmojiSplit {
  readonly train: readonly EmojiStyle[];
  readonly test: readonly EmojiStyle[];
  readonly unseen: boolean;
}

const TRAINED = ["noto", "twemoji", "fluent"] as const;

/** The splits by name. */
export const emojiSplits = {
  /** The task: a style not seen in training. Choose settings by the next split; the README says what was chosen by this one. */
  emoji: { train: TRAINED, test: ["openmoji"], unseen: false },
  /** For choosing settings: train on two styles, validate on the third. */
  "emoji-validation": { train: ["noto", "twemoji"], test: ["fluent"], unseen: false },
  /** Names not seen in training, in every style. */
  "emoji-unseen": { train: TRAINED, test: EMOJI_STYLES, unseen: true },
} as const satisfies Record<string, EmojiSplit>;

/** Rendered emoji in memory. */
export interface EmojiData {
  readonly emoji: readonly Emoji[];
  /** The names of `emoji` in the languages that were opened. */
  readonly names: EmojiNames;
  /** [emoji.length, 48, 48, 4], premultiplied, blank where a style has no drawing. Throws `DataError` for a style not opened. */
  pictures(style: EmojiStyle, stroked: boolean): Uint8Array;
}

/** Rendered pictures in memory that threads share, by the name of their cache file. */
export type RenderedPictures = ReadonlyMap<string, Uint8Array>;

/** The result of `openEmoji`. */
export interface OpenedEmoji extends EmojiData {
  /** All pictures that were opened, for other threads. */
  readonly rendered: RenderedPictures;
}

/** Options of `openEmoji`. */
export interface OpenEmoji {
  /** Styles to open without strokes. */
  readonly plain: readonly EmojiStyle[];
  /** Styles to open with strokes. */
  readonly stroked?: readonly EmojiStyle[];
  /** Whether each drawing is cut to its content; true by default. */
  readonly trim?: boolean;
  /** Languages of the names; English by default. */
  readonly languages?: readonly string[];
  /** Names that another thread has read, in place of `languages`. */
  readonly names?: EmojiNames | undefined;
  /** Pictures that another thread has opened, which are neither read nor rendered again. */
  readonly rendered?: RenderedPictures | undefined;
  /** Folder that caches rendered pictures, and holds names of CLDR; without it pictures are rendered every time. */
  readonly cache?: string | undefined;
  /** Is called for each picture that is rendered. */
  readonly progress?: (done: number, total: number) => void;
  /** Is called once if the cache cannot be used. */
  readonly warn?: (message: string) => void;
}

interface Variant {
  readonly style: EmojiStyle;
  readonly stroked: boolean;
  readonly trim: boolean;
}

/** The name of the cache file of a variant, without its ending. */
export const nameOf = ({ style, stroked, trim }: Variant): string =>
  `${style}${trim ? "" : "-whole"}${stroked ? "-stroked" : ""}`;

/** Names everything that a rendered file depends on, so that an update of a package invalidates it. */
export async function keyOf(emoji: readonly Emoji[], { style, stroked, trim }: Variant): Promise<CacheKey> {
  const { version } = (await emojiJson(`${EMOJI_SETS[style]}/package.json`)) as { version: string };
  const icons = emoji.map((one) => `${one.code}=${iconName(one, style)}`);
  const madeFrom = JSON.stringify([
    RECIPE,
    EMOJI_SETS[style],
    version,
    stroked,
    icons,
    ...(trim ? [] : ["whole"]), // keys of trimmed pictures are those of versions without this option
  ]);
  return { side: STORED, count: emoji.length, madeFrom };
}

/** Opens the pictures of all emoji, and renders those that are not in the cache. Throws `MissingPackageError`. */
export const openEmoji = async (options: OpenEmoji): Promise<OpenedEmoji> => openDrawings(await emojiList(), options);

/** The same for a list of emoji. An unusable cache costs only time. */
export async function openDrawings(emoji: readonly Emoji[], options: OpenEmoji): Promise<OpenedEmoji> {
  const { plain, stroked = [], trim = true, rendered: given, cache, progress = () => {}, warn = () => {} } = options;
  const names = options.names ?? (await emojiNames(emoji, options.languages ?? ["en"], cache)); // before rendering, which takes a while
  let warned = false;
  const fromCache = async <T>(use: (folder: string) => Promise<T>): Promise<T | undefined> => {
    if (cache === undefined) return undefined;
    try {
      return await use(cache);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      if (!warned) {
        warn(
          `rendered pictures cannot be cached in ${cache} (${code}): they stay in memory and are rendered again next time`,
        );
      }
      warned = true;
      return undefined;
    }
  };
  const wanted = [
    ...plain.map((style) => ({ style, stroked: false, trim })),
    ...stroked.map((style) => ({ style, stroked: true, trim })),
  ];
  const rendered = new Map<string, Uint8Array>();
  const absent: Variant[] = [];
  for (const want of wanted) {
    const name = nameOf(want);
    const found =
      given?.get(name) ??
      (await fromCache(async (folder) => readPictures(`${folder}/${name}.bin`, await keyOf(emoji, want))));
    if (found === undefined) absent.push(want);
    else rendered.set(name, inSharedMemory(found));
  }
  let done = 0;
  for (const want of absent) {
    const made = await renderEmoji(emoji, want, () => {
      progress(++done, absent.length * emoji.length);
    });
    await fromCache(async (folder) => writePictures(`${folder}/${nameOf(want)}.bin`, await keyOf(emoji, want), made));
    rendered.set(nameOf(want), inSharedMemory(made));
  }
  return {
    emoji,
    names,
    rendered,
    pictures(style, isStroked) {
      const name = nameOf({ style, stroked: isStroked, trim });
      const found = rendered.get(name);
      if (found === undefined) throw new DataError(`emoji: ${name} was not opened; name its style in openEmoji`);
      return found;
    },
  };
}

function inSharedMemory(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

/** Options of `emojiPairs`. */
export interface EmojiPairsOptions {
  readonly tokenizer: Tokenizer;
  readonly length: number;
  readonly styles: readonly EmojiStyle[];
  readonly side?: number;
  readonly augmentation?: Augmentation;
  /** Share of rows with strokes; 0.3 by default. */
  readonly stroke?: number;
  /** Languages of the texts, each equally likely for a row; English by default. */
  readonly languages?: readonly string[];
  /** Share of rows whose text is a tag instead of the name. Emoji share tags, so some negatives are then wrong. */
  readonly tags?: number;
  /** Indices of the emoji to train on; all by default. */
  readonly items?: Int32Array;
  /** Embeddings of `emojiImages`, [images, d]: batches then hold these in place of pixels, neither stroked nor augmented. */
  readonly embeddings?: Float32Array;
  /** Images of each emoji in a batch, in different styles if there are several; 1 by default. */
  readonly views?: Views;
}

/** Draws the image of a row: the emoji number `place` in a style. */
type DrawEmoji = (place: number, style: number, rng: Rng, stroked: boolean, out: Float32Array, offset: number) => void;

/** The images of a batch: augmented pixels, or rows of embeddings. */
function imagesOf(data: EmojiData, chosen: Int32Array, options: EmojiPairsOptions) {
  const { styles, side = 32, augmentation = augmentations.light, stroke = 0.3, embeddings } = options;
  if (embeddings) {
    const width = embeddings.length / (styles.length * chosen.length);
    const draw: DrawEmoji = (place, style, _rng, _stroked, out, offset) => {
      const row = style * chosen.length + place;
      out.set(embeddings.subarray(row * width, (row + 1) * width), offset);
    };
    return { shape: [width], draw };
  }
  const plain = styles.map((style) => data.pictures(style, false));
  const stroked = stroke > 0 ? styles.map((style) => data.pictures(style, true)) : plain;
  const draw: DrawEmoji = (place, style, rng, isStroked, out, offset) => {
    const pictures = isStroked ? stroked[style] : plain[style];
    const item = chosen[place];
    const picture = pictures.subarray(item * STORED_BYTES, (item + 1) * STORED_BYTES);
    drawView(picture, STORED, randomView(rng, augmentation), side, out, offset);
  };
  return { shape: [side, side, 3], draw };
}

/** Batches of augmented emoji; `items` of a batch are indices into `data.emoji`. */
export function emojiPairs(data: EmojiData, options: EmojiPairsOptions): Pairs {
  const { length, styles, stroke = 0.3, views = 1 } = options;
  const chosen = options.items ?? Int32Array.from(data.emoji.keys());
  const itemsOf = itemsOfStep(chosen.length);
  const { shape, draw } = imagesOf(data, chosen, options);
  const row: RowShape = { imageShape: shape, views, length };
  const textOf = textsOf(data.names, options);
  return {
    size: chosen.length,
    ...row,
    batchesPerEpoch: (batch) => batchesPerEpoch(chosen.length, batch),
    batch(seed, step, batch, into = newBatch(batch, row), first = 0) {
      const { images, tokens, items } = into;
      const each = images.length / (views * items.length);
      const rngOf = rowsOfStep(seed, step);
      const places = itemsOf(seed, step, batch).subarray(first, first + items.length);
      places.forEach((place, i) => {
        const item = chosen[place];
        items[i] = item;
        const rng = rngOf(first + i);
        const style = Math.floor(rng.uniform() * styles.length);
        const isStroked = rng.uniform() < stroke;
        tokens.set(textOf(item, rng), i * length);
        draw(place, style, rng, isStroked, images, i * views * each);
        if (views === 1) return;
        const second = secondView(rng);
        const other = (style + 1 + Math.floor(second.uniform() * (styles.length - 1))) % styles.length;
        draw(place, other, second, second.uniform() < stroke, images, (i * views + 1) * each);
      });
      return into;
    },
  };
}

/**
 * The emoji of one style, or those of `items`, not augmented: one picture each, and one name in each language, those of the first
 * language before those of the next.
 */
export function emojiPictures(
  data: EmojiData,
  style: EmojiStyle,
  items?: Int32Array,
  side = 32,
  languages: readonly string[] = ["en"],
): PictureSet {
  const chosen = items ?? Int32Array.from(data.emoji.keys());
  const stride = side * side * 3;
  const pictures = data.pictures(style, false);
  const pixels = (from = 0, end = chosen.length): Float32Array => {
    const out = new Float32Array((end - from) * stride);
    chosen.subarray(from, end).forEach((item, i) => {
      const picture = pictures.subarray(item * STORED_BYTES, (item + 1) * STORED_BYTES);
      drawView(picture, STORED, plainView, side, out, i * stride);
    });
    return out;
  };
  return {
    count: chosen.length,
    side,
    pixels,
    texts: languages.flatMap((language) => {
      const named = namesIn(data.names, language);
      return Array.from(chosen, (item) => named[item].name);
    }),
    owner: Int32Array.from(languages.flatMap(() => [...chosen.keys()])),
    languages: languages.flatMap((language) => new Array<string>(chosen.length).fill(language)),
    names: Array.from(chosen, (item) => data.emoji[item].name),
    rgb: (i) => toBytes(pixels(i, i + 1)),
  };
}

/** Indices of the emoji that a style draws: all but in `emojione`. */
export function drawnEmoji(data: EmojiData, style: EmojiStyle): Int32Array {
  const pictures = data.pictures(style, false);
  const isDrawn = (item: number): boolean =>
    pictures.subarray(item * STORED_BYTES, (item + 1) * STORED_BYTES).some((byte) => byte > 0);
  return Int32Array.from(data.emoji.keys()).filter(isDrawn);
}

/**
 * The images that training shows of some emoji, neither stroked nor augmented: all of `items` in the first style, then in the
 * next. Drawn as augmentation "none" draws them, to the same bits.
 */
export function emojiImages(data: EmojiData, options: Pick<EmojiPairsOptions, "styles" | "items" | "side">): ImageList {
  const { styles, side = 32 } = options;
  const chosen = options.items ?? Int32Array.from(data.emoji.keys());
  const pictureOf = (image: number): Uint8Array => {
    const at = chosen[image % chosen.length] * STORED_BYTES;
    return data.pictures(styles[Math.floor(image / chosen.length)], false).subarray(at, at + STORED_BYTES);
  };
  const view = randomView(new Rng(0), augmentations.none);
  return {
    count: styles.length * chosen.length,
    side,
    pixels(from, end) {
      const stride = side * side * 3;
      const out = new Float32Array((end - from) * stride);
      for (let i = from; i < end; i++) drawView(pictureOf(i), STORED, view, side, out, (i - from) * stride);
      return out;
    },
    stored: pictureOf,
  };
}

const lettersOf = (name: string): string[] => name.match(/[\p{L}\p{N}]+/gu) ?? [];

/**
 * Holds out `count` emoji whose words all occur in the remaining names, so that only the combination of words is new. The
 * choice depends only on the list. Throws `DataError` if too few can be held out.
 */
export function unseenEmoji(emoji: readonly Emoji[], count = 160): { train: Int32Array; unseen: Int32Array } {
  const uses = new Map<string, number>();
  const wordsOfName = emoji.map(({ name }) => [...new Set(lettersOf(name))]);
  for (const word of wordsOfName.flat()) uses.set(word, (uses.get(word) ?? 0) + 1);
  const held = new Set<number>();
  for (const i of new Rng(0).split("unseen").permutation(emoji.length)) {
    if (held.size === count) break;
    if (!wordsOfName[i].every((word) => uses.get(word)! > 1)) continue;
    for (const word of wordsOfName[i]) uses.set(word, uses.get(word)! - 1);
    held.add(i);
  }
  if (held.size < count)
    throw new DataError(`unseenEmoji: only ${held.size} of ${count} emoji can be held out; lower count`);
  const all = Int32Array.from(emoji.keys());
  return { train: all.filter((i) => !held.has(i)), unseen: all.filter((i) => held.has(i)) };
}
