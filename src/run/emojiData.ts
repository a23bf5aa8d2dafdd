/**
 * Emoji as a data set: drawings in three styles with their names in one or many languages, tested on one or two other styles, or on
 * emoji held out in every style.
 */
import {
  augmentations,
  CLDR_LANGUAGES,
  drawnEmoji,
  EMOJI_LANGUAGES,
  EMOJI_STYLES,
  EMOJIBASE_LANGUAGES,
  type Emoji,
  type EmojiNames,
  type EmojiStyle,
  emojiList,
  emojiNames,
  emojiPictures,
  emojiTokenizer,
  type OpenedEmoji,
  openEmoji,
  unseenEmoji,
} from "../data/index.ts";
import { byteTokenizer, type Tokenizer } from "../tokenizers/index.ts";
import {
  type Classes,
  checkBatch,
  type DataSet,
  type DataSettings,
  type Opening,
  type ProbeData,
  type TestOpening,
  type TrainingData,
} from "./dataSet.ts";
import { choice, number, someOf, type Values } from "./fields.ts";

const languageGroups = { all: EMOJIBASE_LANGUAGES, cldr: EMOJI_LANGUAGES };
const languageCodes = `codes of languages such as en,de,zh, all (the ${EMOJIBASE_LANGUAGES.length} of emojibase-data), or cldr (those and ${CLDR_LANGUAGES.length} more)`;

/** Configuration keys of the emoji sets. */
export const emojiKeys = {
  trainStyles: someOf(["noto", "twemoji", "fluent"], EMOJI_STYLES, "drawing styles to train on"),
  testStyle: choice("openmoji", EMOJI_STYLES, "a drawing style that training never sees"),
  secondTestStyle: choice(
    "none",
    ["none", "emojione"],
    "another drawing style that training never sees, with 1,038 of the emoji; choose no setting by it",
  ),
  augment: choice("strong", ["none", "light", "strong"], "random changes of training images"),
  strokeProbability: number(0.3, { min: 0, max: 1 }, "share of outlined drawings, like those of openmoji"),
  languages: someOf(["en"], EMOJI_LANGUAGES, "languages of the names, each equally likely for a row", {
    accepts: `a list of distinct ${languageCodes}`,
    groups: languageGroups,
  }),
  testLanguages: someOf([], EMOJI_LANGUAGES, "languages to test beside data.languages, which training never sees", {
    accepts: `none or a list of distinct ${languageCodes}`,
    groups: { none: [], ...languageGroups },
  }),
  keywordProbability: number(0, { min: 0, max: 1 }, "share of keywords in place of the name"),
  classes: choice("group", ["group", "subgroup"], "classes of emoji, to probe and to classify: 9 or 95 of Unicode's"),
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

/** The last tokenizer that was learned: learning takes seconds with many languages, and a training opens its vocabulary twice. */
let learned: { readonly from: string; readonly tokenizer: Tokenizer } | undefined;

/** Byte pairs of the names and keywords of all emoji in the languages of training, or single bytes. */
function tokenizerFor(
  { data: { languages }, tokenizer: { kind, vocabSize } }: EmojiSettings,
  names: EmojiNames,
): Tokenizer {
  if (kind !== "bpe") return byteTokenizer;
  const from = `${languages} ${vocabSize}`;
  if (learned?.from !== from) {
    const named = languages.flatMap((language) => names.get(language)!);
    learned = { from, tokenizer: emojiTokenizer(named, vocabSize) };
  }
  return learned.tokenizer;
}

/** The languages that are tested: those of training first. */
const testedLanguages = ({ data: { languages, testLanguages } }: EmojiSettings): string[] => [
  ...new Set([...languages, ...testLanguages]),
];

/** The names without their keywords, of which there are several times more. */
const withoutKeywords = (names: EmojiNames): EmojiNames =>
  new Map([...names].map(([language, emoji]) => [language, emoji.map(({ name }) => ({ name, tags: [] }))]));

/** The names that training reads, with their keywords if it reads these too. */
const used = ({ data }: EmojiSettings, names: EmojiNames): EmojiNames =>
  data.keywordProbability > 0 ? names : withoutKeywords(names);

/** The texts of some emoji in the languages of training. */
function textsOf(settings: EmojiSettings, names: EmojiNames, items: Int32Array): string[] {
  const texts = used(settings, names);
  return settings.data.languages.flatMap((language) => {
    const named = texts.get(language)!;
    return Array.from(items).flatMap((item) => [named[item].name, ...named[item].tags]);
  });
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
  return openEmoji({ plain, stroked, trim: trims(settings), languages: testedLanguages(settings), ...opening });
}

/** The group or subgroup of an emoji as the class of its drawings. */
function classesOf(emoji: readonly Emoji[], { data: { classes } }: EmojiSettings): Classes {
  const names = [...new Set(emoji.map((each) => each[classes]))];
  return { names, ofItem: Int32Array.from(emoji, (each) => names.indexOf(each[classes])) };
}

/** Drawings with the classes of their emoji. */
async function probed(holdsOut: boolean, settings: EmojiSettings, opening: TestOpening): Promise<ProbeData> {
  const { trainStyles } = settings.data;
  const data = await open(settings, opening);
  const all = Int32Array.from(data.emoji.keys());
  const split = holdsOut ? unseenEmoji(data.emoji, UNSEEN) : undefined;
  const { names, ofItem } = classesOf(data.emoji, settings);
  const labelled = (style: EmojiStyle, items: Int32Array = all) => ({
    pictures: emojiPictures(data, style, items, settings.model.image.imageSize, testedLanguages(settings)),
    labels: items.map((item) => ofItem[item]),
  });
  const [testStyle, ...others] = testStyles(settings);
  const titleOf = (style: EmojiStyle): string =>
    `${settings.data.classes} of ${holdsOut ? "an emoji never seen" : "an emoji"} in ${style}, learned in ${trainStyles.join(", ")}`;
  const tested = split?.unseen ?? all;
  return {
    title: titleOf(testStyle),
    classes: names,
    train: trainStyles.map((style) => labelled(style, split?.train)),
    test: labelled(testStyle, tested),
    others: others.map((style) => {
      const items = drawnEmoji(data, style).filter((item) => tested.includes(item));
      return { title: titleOf(style), ...labelled(style, items) };
    }),
  };
}

/** The batches of a run, and the texts in them. */
async function openedTraining(holdsOut: boolean, settings: EmojiSettings, opening: Opening): Promise<TrainingData> {
  const { trainStyles, strokeProbability, keywordProbability, augment, languages } = settings.data;
  const { emoji, items } = await trained(holdsOut);
  checkBatch(settings, emoji.length);
  const { rendered, names } = await open(settings, opening, strokeProbability > 0 ? trainStyles : []);
  const tokenizer = tokenizerFor(settings, names);
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
      languages,
      names: used(settings, names),
      rendered,
      ...(items ? { items } : {}),
    },
    items: emoji.length,
    texts: textsOf(settings, names, items ?? Int32Array.from(emoji.keys())),
  };
}

/** All emoji in some styles; with `holdsOut`, some of them are never trained on in any style. */
export const emojiData = (holdsOut: boolean): DataSet<EmojiSettings> => ({
  hasFixedImages: ({ data: { augment, strokeProbability } }) => augment === "none" && strokeProbability === 0,
  // In one language each emoji has a name of its own.
  repeatsTexts: ({ data }) => data.keywordProbability > 0 || data.languages.length > 1,

  conflicts({ data: { trainStyles, testStyle } }) {
    if (!trainStyles.includes(testStyle)) return [];
    const detail = `data.testStyle ${testStyle} is one of data.trainStyles; test on a style that training does not see`;
    return [{ keys: ["data.testStyle", "data.trainStyles"], detail }];
  },

  async openVocabulary(settings, { cache }) {
    const names = await emojiNames(await emojiList(), testedLanguages(settings), cache);
    const { emoji, items } = await trained(holdsOut);
    const texts = textsOf(settings, names, items ?? Int32Array.from(emoji.keys()));
    return { tokenizer: tokenizerFor(settings, names), items: emoji.length, texts };
  },

  openTraining: (settings, opening) => openedTraining(holdsOut, settings, opening),

  async openTests(settings, opening) {
    const { trainStyles, languages } = settings.data;
    const data = await open(settings, opening);
    const unseen = holdsOut ? new Set(unseenEmoji(data.emoji, UNSEEN).unseen) : undefined;
    const pictures = (style: EmojiStyle, items: Int32Array) =>
      emojiPictures(data, style, items, settings.model.image.imageSize, testedLanguages(settings));
    const sets = [...(unseen ? trainStyles : []), ...testStyles(settings)].map((style) => {
      const items = drawnEmoji(data, style).filter((item) => unseen?.has(item) ?? true);
      return {
        name: style,
        title: unseen ? `emoji never seen, ${style}` : `${style}, a style never seen in training`,
        pictures: pictures(style, items),
        trainedLanguages: languages,
        known: unseen ? [] : trainStyles.map((known) => pictures(known, items)),
      };
    });
    const seen = drawnEmoji(data, trainStyles[0]).filter((item) => !unseen?.has(item));
    return {
      sets,
      trained: pictures(trainStyles[0], seen),
      shared: { rendered: data.rendered, names: withoutKeywords(data.names) },
    };
  },

  openClasses: async (settings) => classesOf(await emojiList(), settings),

  openProbe: (settings, opening) => probed(holdsOut, settings, opening),
});
