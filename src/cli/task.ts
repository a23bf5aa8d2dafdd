/**
 * What a run trains on and is judged by, from its configuration: the data, its tokenizer, and the sets to evaluate on.
 */
import {
  augmentations,
  byteTokenizer,
  captionOf,
  type EmojiData,
  type EmojiStyle,
  emojiPictures,
  emojiTokenizer,
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

/** Pictures with their texts, and where the numbers for the pixel baseline come from. */
export interface TestSet {
  /** For people: "openmoji, a style never seen". */
  readonly title: string;
  readonly pictures: PictureSet;
}

export interface Task {
  readonly tokenizer: Tokenizer;
  /** What batches are made of, as plain data for the thread that makes them. */
  readonly pairs: PairsSpec;
  /** Distinct items to train on: a batch shows each at most once. */
  readonly items: number;
  /** The first is the one that a run is judged by. */
  readonly tests: readonly TestSet[];
  /** Pictures seen in training, by style, in the order of the first test's pictures: for the pixel baseline. */
  readonly known: readonly PictureSet[];
}

const SHAPES_TESTED = 1000; // scenes

/** Opens the data of a run; pictures are rendered where the cache lacks them, `progress` hears how far that is. */
export async function openTask(config: Config, progress: (done: number, total: number) => void): Promise<Task> {
  if (config.data.name === "shapes") return shapesTask(config);
  const { trainStyles, testStyle, strokeProbability } = config.data;
  const data = await openEmoji({
    plain: [...new Set<EmojiStyle>([...trainStyles, testStyle])],
    stroked: strokeProbability > 0 ? trainStyles : [],
    progress,
  });
  return config.data.name === "emoji" ? emojiTask(config, data) : unseenTask(config, data);
}

const tokenizerFor = ({ tokenizer }: Config, emoji: EmojiData["emoji"]): Tokenizer =>
  tokenizer.kind === "bytes" ? byteTokenizer : emojiTokenizer(emoji, tokenizer.vocabSize);

function emojiSpec({ data, tokenizer, model }: Config, file: Tokenizer, items?: Int32Array): PairsSpec {
  return {
    data: "emoji",
    tokenizer: file.toJSON(),
    length: tokenizer.length,
    side: model.image.imageSize,
    styles: data.trainStyles,
    augmentation: augmentations[data.augment],
    stroke: data.strokeProbability,
    tags: data.keywordProbability,
    ...(items ? { items } : {}),
  };
}

function emojiTask(config: Config, data: EmojiData): Task {
  const { trainStyles, testStyle } = config.data;
  const side = config.model.image.imageSize;
  const tokenizer = tokenizerFor(config, data.emoji);
  return {
    tokenizer,
    pairs: emojiSpec(config, tokenizer),
    items: data.emoji.length,
    tests: [
      {
        title: `${testStyle}, a style never seen in training`,
        pictures: emojiPictures(data, testStyle, undefined, side),
      },
    ],
    known: trainStyles.map((style) => emojiPictures(data, style, undefined, side)),
  };
}

function unseenTask(config: Config, data: EmojiData): Task {
  const { trainStyles, testStyle } = config.data;
  const side = config.model.image.imageSize;
  const { train, unseen } = unseenEmoji(data.emoji);
  const tokenizer = tokenizerFor(config, data.emoji);
  return {
    tokenizer,
    pairs: emojiSpec(config, tokenizer, train),
    items: train.length,
    tests: [...trainStyles, testStyle].map((style) => ({
      title: `emoji never seen, ${style}`,
      pictures: emojiPictures(data, style, unseen, side),
    })),
    known: [],
  };
}

function shapesTokenizer({ tokenizer }: Config): Tokenizer {
  if (tokenizer.kind === "bytes") return byteTokenizer;
  const captions = Array.from(scenesOf("train").subarray(0, SHAPES_TESTED), (id) => captionOf(sceneOf(id)));
  return trainBpe(captions, tokenizer.vocabSize);
}

function shapesTask(config: Config): Task {
  const side = config.model.image.imageSize;
  const set = (split: "train" | "unseen") => shapePictures(split, SHAPES_TESTED, config.train.seed, side);
  const tokenizer = shapesTokenizer(config);
  return {
    tokenizer,
    pairs: { data: "shapes", tokenizer: tokenizer.toJSON(), length: config.tokenizer.length, side },
    items: scenesOf("train").length,
    tests: [
      { title: "scenes with colour and shape never seen together", pictures: set("unseen") },
      { title: "new drawings of scenes seen in training", pictures: set("train") },
    ],
    known: [],
  };
}
