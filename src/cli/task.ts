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
  hasPixelNeighbours,
  openEmoji,
  type PairsSpec,
  type PictureSet,
  sceneOf,
  scenesOf,
  shapePictures,
  type Tokenizer,
  trainBpe,
  unseenEmoji,
} from "../data/index.ts";
import type { Config } from "./config.ts";

/** What a run trains on. */
export interface Training {
  readonly tokenizer: Tokenizer;
  /** What batches are made of, as plain data for the thread that makes them. */
  readonly pairs: PairsSpec;
  /** Distinct items to train on: a batch shows each at most once. */
  readonly items: number;
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
}

const SHAPES_TESTED = 1000; // scenes
const UNSEEN = 160; // emoji held out

/** Opens what a run trains on, and renders the pictures that the cache lacks; `progress` hears how far that is. */
export async function openTraining(config: Config, progress: (done: number, total: number) => void): Promise<Training> {
  if (config.data.name === "shapes") return shapesTraining(config);
  const { trainStyles, testStyle, strokeProbability } = config.data;
  const { emoji } = await openEmoji({
    plain: [...new Set<EmojiStyle>([...trainStyles, testStyle])],
    stroked: strokeProbability > 0 ? trainStyles : [],
    progress,
  });
  const tokenizer =
    config.tokenizer.kind === "bytes" ? byteTokenizer : emojiTokenizer(emoji, config.tokenizer.vocabSize);
  const held = config.data.name === "emoji-unseen" ? unseenEmoji(emoji) : undefined;
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
      tags: config.data.keywordProbability,
      ...(held ? { items: held.train } : {}),
    },
    items: held ? held.train.length : emoji.length,
  };
}

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

/** Opens what a run is judged by; the pixel baseline, which one device computes, is left out where it is not wanted. */
export async function openTests(
  config: Config,
  progress: (done: number, total: number) => void,
  wantsKnown = true,
): Promise<Tests> {
  if (config.data.name === "shapes") return shapesTests(config);
  const { trainStyles, testStyle } = config.data;
  const side = config.model.image.imageSize;
  const data = await openEmoji({ plain: [...new Set<EmojiStyle>([...trainStyles, testStyle])], progress });
  if (config.data.name === "emoji") {
    const pictures = emojiPictures(data, testStyle, undefined, side);
    return {
      sets: [{ title: `${testStyle}, a style never seen in training`, pictures }],
      known:
        wantsKnown && hasPixelNeighbours(side)
          ? trainStyles.map((style) => emojiPictures(data, style, undefined, side))
          : [],
    };
  }
  const { unseen } = unseenEmoji(data.emoji);
  return {
    sets: [...trainStyles, testStyle].map((style) => ({
      title: `emoji never seen, ${style}`,
      pictures: emojiPictures(data, style, unseen, side),
    })),
    known: [],
  };
}

function shapesTraining({ tokenizer: { kind, vocabSize, length }, model }: Config): Training {
  const scenes = scenesOf("train");
  const captions = Array.from(scenes.subarray(0, SHAPES_TESTED), (id) => captionOf(sceneOf(id)));
  const tokenizer = kind === "bytes" ? byteTokenizer : trainBpe(captions, vocabSize);
  return {
    tokenizer,
    pairs: { data: "shapes", tokenizer: tokenizer.toJSON(), length, side: model.image.imageSize },
    items: scenes.length,
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
