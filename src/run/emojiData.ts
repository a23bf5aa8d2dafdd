/** Emoji as a data set: names with drawings in three styles, tested on one or two others, or on emoji held out in every style. */
import {
  augmentations,
  drawnEmoji,
  EMOJI_STYLES,
  type Emoji,
  type EmojiStyle,
  emojiList,
  emojiPictures,
  emojiTokenizer,
  type OpenedEmoji,
  openEmoji,
  unseenEmoji,
} from "../data/index.ts";
import { byteTokenizer, type Tokenizer } from "../tokenizers/index.ts";
import {
  checkBatch,
  type DataSet,
  type DataSettings,
  type Opening,
  type ProbeData,
  type TestOpening,
} from "./dataSet.ts";
import { choice, number, someOf, type Values } from "./fields.ts";

/** Configuration keys of the emoji sets. */
export const emojiKeys = {
  trainStyles: someOf(["noto", "twemoji", "fluent"], EMOJI_STYLES, "drawing styles to train on"),
  testStyle: choice("openmoji", EMOJI_STYLES, "a drawing style that training never sees"),
  secondTestStyle: choice(
    "none",
    ["none", "emojione"],
    "another one, with 1,038 of the emoji; choose no setting by it",
  ),
  augment: choice("strong", ["none", "light", "strong"], "random changes of training images"),
  strokeProbability: number(0.3, { min: 0, max: 1 }, "share of outlined drawings, like those of openmoji"),
  keywordProbability: number(0, { min: 0, max: 1 }, "share of keywords in place of the name"),
  trim: choice("content", ["content", "never"], "crop drawings to their content: emoji, and a user's images"),
};

/** The parts of a configuration that the emoji sets read. */
export interface EmojiSettings extends DataSettings {
  readonly data: Values<typeof emojiKeys> & { readonly name: string };
}

const UNSEEN = 160; // emoji held out

/** Whether drawings are cropped to their content. */
export const trims = ({ data }: Pick<EmojiSettings, "data">): boolean => data.trim === "content";

/** The emoji to train on. */
async function trained(holdsOut: boolean): Promise<{ emoji: readonly Emoji[]; items: Int32Array | undefined }> {
  const all = await emojiList();
  if (!holdsOut) return { emoji: all, items: undefined };
  const items = unseenEmoji(all, UNSEEN).train;
  return { emoji: Array.from(items, (item) => all[item]), items };
}

async function tokenizerFor({ tokenizer: { kind, vocabSize } }: DataSettings): Promise<Tokenizer> {
  return kind === "bytes" ? byteTokenizer : emojiTokenizer(await emojiList(), vocabSize);
}

/** The styles that training never sees. */
const testStyles = ({ data: { testStyle, secondTestStyle } }: EmojiSettings): EmojiStyle[] =>
  secondTestStyle === "none" ? [testStyle] : [testStyle, secondTestStyle];

/** Opens the drawings of all styles of a run, and outlined versions of some. */
function open(
  settings: EmojiSettings,
  opening: TestOpening,
  stroked: readonly EmojiStyle[] = [],
): Promise<OpenedEmoji> {
  const plain = [...settings.data.trainStyles, ...testStyles(settings)];
  return openEmoji({ plain, stroked, trim: trims(settings), ...opening });
}

/** The group of an emoji as the class of its drawings. */
async function probed(holdsOut: boolean, settings: EmojiSettings, opening: TestOpening): Promise<ProbeData> {
  const { trainStyles, testStyle } = settings.data;
  const data = await open(settings, opening);
  const all = Int32Array.from(data.emoji.keys());
  const split = holdsOut ? unseenEmoji(data.emoji, UNSEEN) : undefined;
  const classes = [...new Set(data.emoji.map(({ group }) => group))];
  const labelled = (style: EmojiStyle, items: Int32Array = all) => ({
    pictures: emojiPictures(data, style, items, settings.model.image.imageSize),
    labels: items.map((item) => classes.indexOf(data.emoji[item].group)),
  });
  return {
    title: `group of ${holdsOut ? "an emoji never seen" : "an emoji"} in ${testStyle}, learned in ${trainStyles.join(", ")}`,
    classes,
    train: trainStyles.map((style) => labelled(style, split?.train)),
    test: labelled(testStyle, split?.unseen),
  };
}

/** All emoji in some styles; with `holdsOut`, some of them are never trained on in any style. */
export const emojiData = (holdsOut: boolean): DataSet<EmojiSettings> => ({
  hasFixedImages: ({ data: { augment, strokeProbability } }) => augment === "none" && strokeProbability === 0,

  conflicts({ data: { trainStyles, testStyle } }) {
    if (!trainStyles.includes(testStyle)) return [];
    const detail = `data.testStyle ${testStyle} is one of data.trainStyles; test on a style that training does not see`;
    return [{ keys: ["data.testStyle", "data.trainStyles"], detail }];
  },

  async openVocabulary(settings) {
    return { tokenizer: await tokenizerFor(settings), items: (await trained(holdsOut)).emoji.length };
  },

  async openTraining(settings, opening: Opening) {
    const { trainStyles, strokeProbability, keywordProbability, augment } = settings.data;
    const { emoji, items } = await trained(holdsOut);
    checkBatch(settings, emoji.length);
    const { rendered } = await open(settings, opening, strokeProbability > 0 ? trainStyles : []);
    const tokenizer = await tokenizerFor(settings);
    return {
      tokenizer,
      pairs: {
        data: "emoji",
        tokenizer: tokenizer.toJSON(),
        length: settings.tokenizer.length,
        side: settings.model.image.imageSize,
        styles: trainStyles,
        augmentation: augmentations[augment],
        stroke: strokeProbability,
        tags: keywordProbability,
        trim: trims(settings),
        rendered,
        ...(items ? { items } : {}),
      },
      items: emoji.length,
      texts: emoji.flatMap(({ name, tags }) => [name, ...(keywordProbability > 0 ? tags : [])]),
    };
  },

  async openTests(settings, opening) {
    const { trainStyles } = settings.data;
    const data = await open(settings, opening);
    const unseen = holdsOut ? new Set(unseenEmoji(data.emoji, UNSEEN).unseen) : undefined;
    const pictures = (style: EmojiStyle, items: Int32Array) =>
      emojiPictures(data, style, items, settings.model.image.imageSize);
    const sets = [...(unseen ? trainStyles : []), ...testStyles(settings)].map((style) => {
      const items = drawnEmoji(data, style).filter((item) => unseen?.has(item) ?? true);
      return {
        name: style,
        title: unseen ? `emoji never seen, ${style}` : `${style}, a style never seen in training`,
        pictures: pictures(style, items),
        known: unseen ? [] : trainStyles.map((known) => pictures(known, items)),
      };
    });
    return { sets, rendered: data.rendered };
  },

  openProbe: (settings, opening) => probed(holdsOut, settings, opening),
});
