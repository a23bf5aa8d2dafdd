/**
 * What a run trains on and is judged by, from its configuration: the data, its tokenizer, and the sets to evaluate on.
 */
import {
  augmentations,
  byteTokenizer,
  captionOf,
  type EmojiStyle,
  emojiList,
  emojiPictures,
  emojiTokenizer,
  openEmoji,
  type PairsSpec,
  type PictureSet,
  type RenderedPictures,
  sceneOf,
  scenesOf,
  shapePictures,
  type Tokenizer,
  trainBpe,
  unseenEmoji,
} from "../data/index.ts";
import { cacheFolder } from "./cacheFolder.ts";
import { type Config, checkBatch } from "./config.ts";
import { warn } from "./print.ts";
import { warnOfCut } from "./texts.ts";

/** What a run trains on. */
export interface Training {
  readonly tokenizer: Tokenizer;
  /** What batches are made of, as plain data for the thread that makes them. */
  readonly pairs: PairsSpec;
  /** Distinct items to train on: a batch shows each at most once. */
  readonly items: number;
  /** All that pictures are called. */
  readonly texts: readonly string[];
}

/** Pictures with their texts. */
export interface TestSet {
  /** For people: "openmoji, a style never seen". */
  readonly title: string;
  readonly pictures: PictureSet;
}

/** What a run is judged by. */
export interface Tests {
  /** The first is the one that counts. */
  readonly sets: readonly TestSet[];
  /** Pictures seen in training, by style, in the order of the first set's pictures: for the pixel baseline. */
  readonly known: readonly PictureSet[];
  /** What was rendered or read, for devices. */
  readonly rendered?: RenderedPictures;
}

const SHAPES_TESTED = 1000; // scenes
const UNSEEN = 160; // emoji held out

/**
 * Opens what a run trains on, and renders the pictures that the cache lacks; `progress` hears how far that is. A batch that is
 * larger than the data is refused before.
 */
export async function openTraining(config: Config, progress: (done: number, total: number) => void): Promise<Training> {
  const training = config.data.name === "shapes" ? shapesTraining(config) : await emojiTraining(config, progress);
  warnOfCut(training.tokenizer, training.texts, config.tokenizer.length);
  return training;
}

async function emojiTraining(config: Config, progress: (done: number, total: number) => void): Promise<Training> {
  const { trainStyles, testStyle, strokeProbability, keywordProbability } = config.data;
  const all = await emojiList();
  const items = config.data.name === "emoji-unseen" ? unseenEmoji(all).train : undefined;
  const used = items ? Array.from(items, (item) => all[item]) : all;
  checkBatch(config, used.length);
  const { emoji, rendered } = await openEmoji({
    plain: [...new Set<EmojiStyle>([...trainStyles, testStyle])],
    stroked: strokeProbability > 0 ? trainStyles : [],
    trim: trims(config),
    cache: cacheFolder(),
    progress,
    warn,
  });
  const tokenizer =
    config.tokenizer.kind === "bytes" ? byteTokenizer : emojiTokenizer(emoji, config.tokenizer.vocabSize);
  return {
    tokenizer,
    pairs: {
      data: "emoji",
      tokenizer: tokenizer.toJSON(),
      length: config.tokenizer.length,
      side: config.model.image.imageSize,
      styles: trainStyles,
      augmentation: augmentations[config.data.augment],
      stroke: strokeProbability,
      tags: keywordProbability,
      trim: trims(config),
      rendered,
      ...(items ? { items } : {}),
    },
    items: used.length,
    texts: used.flatMap(({ name, tags }) => [name, ...(keywordProbability > 0 ? tags : [])]),
  };
}

/** Are drawings cut to their content? */
export const trims = ({ data }: Config): boolean => data.trim === "content";

/** The tokenizer of a run and the number of its items, without rendering a picture or writing anything. */
export async function openTokenizer(config: Config): Promise<Pick<Training, "tokenizer" | "items">> {
  if (config.data.name === "shapes") return shapesTraining(config);
  const emoji = await emojiList();
  const { kind, vocabSize } = config.tokenizer;
  return {
    tokenizer: kind === "bytes" ? byteTokenizer : emojiTokenizer(emoji, vocabSize),
    items: config.data.name === "emoji-unseen" ? unseenEmoji(emoji).train.length : emoji.length,
  };
}

/** Pictures that so many devices hold to be tested on, all together. */
export function testedPictures({ data: { name, trainStyles } }: Config, items: number, devices: number): number {
  if (name === "shapes") return devices * 2 * SHAPES_TESTED;
  return name === "emoji" ? (devices + trainStyles.length) * items : devices * (trainStyles.length + 1) * UNSEEN;
}

export interface OpenTests {
  /** What another thread has opened already. */
  readonly rendered?: RenderedPictures | undefined;
  /** The pixel baseline, which one device computes, is left out where it is not wanted. */
  readonly wantsKnown?: boolean;
}

/** Opens what a run is judged by. */
export async function openTests(
  config: Config,
  progress: (done: number, total: number) => void,
  { rendered, wantsKnown = true }: OpenTests = {},
): Promise<Tests> {
  if (config.data.name === "shapes") return shapesTests(config);
  const { trainStyles, testStyle } = config.data;
  const side = config.model.image.imageSize;
  const data = await openEmoji({
    plain: [...new Set<EmojiStyle>([...trainStyles, testStyle])],
    trim: trims(config),
    rendered,
    cache: cacheFolder(),
    progress,
    warn,
  });
  if (config.data.name === "emoji") {
    const pictures = emojiPictures(data, testStyle, undefined, side);
    return {
      sets: [{ title: `${testStyle}, a style never seen in training`, pictures }],
      known: wantsKnown ? trainStyles.map((style) => emojiPictures(data, style, undefined, side)) : [],
      rendered: data.rendered,
    };
  }
  const { unseen } = unseenEmoji(data.emoji);
  return {
    sets: [...trainStyles, testStyle].map((style) => ({
      title: `emoji never seen, ${style}`,
      pictures: emojiPictures(data, style, unseen, side),
    })),
    known: [],
    rendered: data.rendered,
  };
}

function shapesTraining(config: Config): Training {
  const { kind, vocabSize, length } = config.tokenizer;
  const scenes = scenesOf("train");
  checkBatch(config, scenes.length);
  const texts = Array.from(scenes, (id) => captionOf(sceneOf(id)));
  const tokenizer = kind === "bytes" ? byteTokenizer : trainBpe(texts.slice(0, SHAPES_TESTED), vocabSize);
  return {
    tokenizer,
    pairs: { data: "shapes", tokenizer: tokenizer.toJSON(), length, side: config.model.image.imageSize },
    items: scenes.length,
    texts,
  };
}

function shapesTests({ model, train }: Config): Tests {
  const set = (split: "train" | "unseen") => shapePictures(split, SHAPES_TESTED, train.seed, model.image.imageSize);
  return {
    sets: [
      { title: "scenes with colour and shape never seen together", pictures: set("unseen") },
      { title: "new drawings of scenes seen in training", pictures: set("train") },
    ],
    known: [],
  };
}
