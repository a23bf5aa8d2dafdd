/**
 * Specifications of training pairs as plain data, from which every thread gets the same batches.
 */

import { type Tokenizer, type TokenizerFile, tokenizerFromJSON } from "../tokenizers/index.ts";
import type { Augmentation } from "./augment.ts";
import type { ImageList, Pairs, Views } from "./batches.ts";
import { emojiImages, emojiPairs, type OpenedEmoji, openEmoji, type RenderedPictures } from "./emoji.ts";
import type { EmojiStyle } from "./emojiList.ts";
import type { EmojiNames } from "./emojiNames.ts";
import { filesImages, filesPairs } from "./files.ts";
import { filesFrom } from "./filesOpen.ts";
import { openIcons } from "./iconFiles.ts";
import { iconPairs } from "./icons.ts";
import { type Noise, withNoise } from "./noise.ts";
import { type ShapesSplit, shapes } from "./shapes.ts";

interface CommonSpec {
  readonly tokenizer: TokenizerFile;
  /** Tokens of a text. */
  readonly length: number;
  readonly side?: number;
  readonly views?: Views;
  /** Spoils some pairs. */
  readonly noise?: Noise;
}

/** Specification of shapes; see `ShapesOptions`. */
export interface ShapesSpec extends CommonSpec {
  readonly data: "shapes";
  readonly split?: ShapesSplit;
}

/** Specification of emoji; see `EmojiPairsOptions`. `trim`, `names`, `rendered` and `cache` are those of `openEmoji`. */
export interface EmojiSpec extends CommonSpec {
  readonly data: "emoji";
  readonly styles: readonly EmojiStyle[];
  readonly augmentation?: Augmentation;
  readonly stroke?: number;
  readonly tags?: number;
  readonly languages?: readonly string[];
  readonly items?: Int32Array;
  readonly embeddings?: Float32Array;
  readonly trim?: boolean;
  readonly names?: EmojiNames;
  readonly rendered?: RenderedPictures;
  readonly cache?: string;
}

/** Specification of icons; see `IconPairsOptions`. */
export interface IconsSpec extends CommonSpec {
  readonly data: "icons";
  readonly augmentation?: Augmentation;
  /** The files of the data set, with the pictures of the training sets. */
  readonly rendered: RenderedPictures;
}

/** Specification of the user's images; see `FilesPairsOptions`. */
export interface FilesSpec extends CommonSpec {
  readonly data: "files";
  readonly augmentation?: Augmentation;
  readonly chosen: Int32Array;
  readonly embeddings?: Float32Array;
  /** The images with their captions. */
  readonly rendered: RenderedPictures;
}

/** Specification of training pairs. */
export type PairsSpec = ShapesSpec | EmojiSpec | IconsSpec | FilesSpec;

/** Opens the pairs of a specification. `progress` is called for each emoji that must be rendered; see `openEmoji`. */
export async function openPairs(spec: PairsSpec, progress: () => void = () => {}): Promise<Pairs> {
  const tokenizer = tokenizerFromJSON(spec.tokenizer);
  const pairs = await openClean(spec, tokenizer, progress);
  return spec.noise ? withNoise(pairs, spec.noise, tokenizer.vocabSize) : pairs;
}

async function openClean(spec: PairsSpec, tokenizer: Tokenizer, progress: () => void): Promise<Pairs> {
  if (spec.data === "shapes") return shapes({ ...spec, tokenizer });
  if (spec.data === "icons") {
    const icons = await openIcons({ folder: undefined, uses: ["train"], rendered: spec.rendered });
    return iconPairs(icons, { ...spec, tokenizer });
  }
  if (spec.data === "files") return filesPairs(filesFrom(spec.rendered), { ...spec, tokenizer });
  const drawn = spec.embeddings ? [] : spec.styles;
  const stroked = spec.stroke === 0 ? [] : drawn;
  return emojiPairs(await openDrawn(spec, drawn, stroked, progress), { ...spec, tokenizer });
}

/** Opens the images of a specification, neither stroked nor augmented; undefined for shapes and icons, which are new in every step. */
export async function openImages(spec: PairsSpec, progress: () => void = () => {}): Promise<ImageList | undefined> {
  if (spec.data === "files") return filesImages(filesFrom(spec.rendered), spec.chosen, spec.side);
  if (spec.data !== "emoji") return undefined;
  return emojiImages(await openDrawn(spec, spec.styles, [], progress), spec);
}

const openDrawn = (
  { trim = true, languages = ["en"], names, rendered, cache }: EmojiSpec,
  plain: readonly EmojiStyle[],
  stroked: readonly EmojiStyle[],
  progress: () => void,
): Promise<OpenedEmoji> => openEmoji({ plain, stroked, progress, trim, languages, names, rendered, cache });
