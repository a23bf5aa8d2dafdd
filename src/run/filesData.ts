/** Images and captions of the user as a data set: from a folder or a table, tested on some that are held out. */
import {
  augmentations,
  badRowLines,
  type FileImages,
  filesFrom,
  filesPictures,
  isPreprocessSpec,
  type OpenedFiles,
  openFiles,
  type PictureForm,
  type PictureSet,
  type PreprocessSpec,
  SourceError,
  storedSide,
} from "../data/index.ts";
import { byteTokenizer, type Tokenizer, trainBpe } from "../tokenizers/index.ts";
import { sha256 } from "./checkpoint.ts";
import { ConfigError, type Conflict } from "./configError.ts";
import {
  type Classes,
  checkBatch,
  type DataSet,
  type DataSettings,
  type Opening,
  type ProbeData,
  type TestOpening,
  type TestSet,
} from "./dataSet.ts";
import { hashOrNone, number, text } from "./fields.ts";

/** Configuration keys of the user's images. */
export const filesKeys = {
  path: text("none", "a path", "files: the folder or table of captioned images"),
  image: text("auto", "auto or the name of a column", "files: the column of a table that holds the images"),
  text: text("auto", "auto or the name of a column", "files: the column of a table that holds the captions"),
  testShare: number(0.1, { min: 0, max: 0.9 }, "files: share of the images to test on, if the data names no split"),
  allowBad: number(0.05, { min: 0, max: 1 }, "files: share of rows that may be unusable"),
  contents: hashOrNone("files and icons: written by the run, SHA-256 of images, captions and splits"),
  preprocess: {
    ...text("none", "none or steps and values as JSON", "files: written by --init, how released weights take images"),
    isAllowed: (value: string) => value === "none" || specOf(value) !== undefined,
  },
};

/** Steps and values of a text; undefined if it holds none. */
function specOf(value: string): PreprocessSpec | undefined {
  try {
    const parsed: unknown = JSON.parse(value);
    return isPreprocessSpec(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** The parts of a configuration that the user's images read. */
export interface FilesSettings extends DataSettings {
  readonly data: {
    readonly name: string;
    readonly path: string;
    readonly image: string;
    readonly text: string;
    readonly testShare: number;
    readonly allowBad: number;
    readonly contents: string;
    readonly preprocess: string;
    readonly augment: keyof typeof augmentations;
    readonly trim: "content" | "never";
  };
}

/** Fewer images than this are all trained on: too few to hold some out. */
const LEAST_TO_SPLIT = 20;
/** More images of a test set than this are not tested: every image is compared with every caption. */
const MOST_TESTED = 5000;
/** A training needs something that an image does not match. */
const LEAST = 2;

/** How a run stores and draws images. */
export function formOf({ data, model }: Pick<FilesSettings, "data" | "model">): PictureForm {
  const { imageSize } = model.image;
  const spec = specOf(data.preprocess);
  if (spec) return { kind: "preprocessed", stored: imageSize, spec };
  return { kind: "ink", stored: storedSide(imageSize), trim: data.trim === "content" };
}

/** Opens the images of a run, unless `opening.files` has them; warns of rows that cannot be used. */
export async function openedFiles({ data, model }: FilesSettings, opening: Opening): Promise<OpenedFiles> {
  const { path, image, text, allowBad } = data;
  if (path === "none") {
    const detail = "data.name files needs data.path, the folder or table of your images: --data PATH sets both";
    throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "data.path", detail }]);
  }
  const options = { path, image, text, allowBad, form: formOf({ data, model }) };
  const from = JSON.stringify(options);
  const { files = {} } = opening;
  if (files.from !== from) Object.assign(files, { from, opened: opened({ ...options, ...opening }) });
  return files.opened!;
}

async function opened(options: Parameters<typeof openFiles>[0] & Opening): Promise<OpenedFiles> {
  const { warn = () => {}, listsBadRows = false } = options;
  const files = await openFiles(options);
  const { bad, rows, source, items } = files;
  for (const note of source.notes) warn(note);
  const isEnough = items.length >= LEAST;
  if (bad.length > 0 && !(listsBadRows && isEnough)) {
    warn(`${bad.length} of ${rows} rows cannot be used and are left out:`);
    for (const line of badRowLines(bad).split("\n")) warn(line.trim());
  }
  if (!isEnough) {
    const what =
      items.length === 0 ? "no image with a caption" : "one image with a caption, which has nothing to differ from";
    throw new SourceError(`--data ${options.path}: found ${what}; give at least ${LEAST}`);
  }
  return files;
}

/** Which images are trained on, and which are tested. */
export interface FilesSplit {
  readonly train: Int32Array;
  /** By the name of the split; without any, the images of training are tested. */
  readonly tests: ReadonlyMap<string, Int32Array>;
}

/** Splits images: as their source says, else by their SHA-256, so that an image stays where it is when others are added. */
export function splitFiles({ items }: FileImages, testShare: number): FilesSplit {
  const all = Int32Array.from(items.keys());
  const isNamed = items.some(({ split }) => split === "test" || split === "validation");
  const isDrawn = !isNamed && items.length >= LEAST_TO_SPLIT;
  const splitOf = (item: number): string => {
    const { sha256, split = "train" } = items[item];
    const place = Number.parseInt(sha256.slice(0, 8), 16) / 2 ** 32;
    return isDrawn && place < testShare ? "test" : split;
  };
  const train = all.filter((item) => splitOf(item) === "train");
  const tests = ["test", "validation"].map((name) => [name, all.filter((item) => splitOf(item) === name)] as const);
  return { train, tests: new Map(tests.filter(([, chosen]) => chosen.length > 0)) };
}

/** SHA-256 of images, captions and splits: what a resumed run must find again, wherever it lies. */
const contentsOf = ({ items }: FileImages, { train }: FilesSplit): string => {
  const isTrained = new Set(train);
  return sha256(JSON.stringify(items.map(({ sha256, captions }, i) => [sha256, captions, isTrained.has(i)])));
};

const textsOf = ({ items }: FileImages, chosen: Int32Array): string[] =>
  Array.from(chosen).flatMap((item) => items[item].captions.map(({ text }) => text));

function tokenizerFor({ tokenizer: { kind, vocabSize } }: DataSettings, texts: readonly string[]): Tokenizer {
  return kind === "bpe" ? trainBpe(texts, vocabSize) : byteTokenizer;
}

/** The images whose captions no earlier one has: for a caption of several images nobody can tell which one is right. */
function withOwnCaptions({ items }: FileImages, chosen: Int32Array): Int32Array {
  const seen = new Set<string>();
  return chosen.filter((item) => {
    const texts = items[item].captions.map(({ text }) => text.toLowerCase());
    if (texts.some((text) => seen.has(text))) return false;
    for (const text of texts) seen.add(text);
    return true;
  });
}

/** Images to test on by the languages of their captions, if those are in several of which training saw some. */
function byLanguage(
  { languages = [], ...pictures }: PictureSet,
  trained: PictureSet,
): Pick<TestSet, "pictures" | "trainedLanguages"> {
  const seen = new Set(trained.languages);
  const tested = [...new Set(languages)].sort();
  const trainedLanguages = tested.filter((language) => seen.has(language));
  if (tested.length < 2 || trainedLanguages.length === 0) return { pictures };
  return { pictures: { ...pictures, languages }, trainedLanguages };
}

function testsOf(files: FileImages, { train, tests }: FilesSplit, side: number): TestSet[] {
  const trained = filesPictures(files, train, side);
  const sets = tests.size > 0 ? [...tests] : [["train", train] as const];
  return sets.map(([name, chosen]) => {
    const own = withOwnCaptions(files, chosen).subarray(0, MOST_TESTED); // sorted by SHA-256, so any sample of them
    const which = name === "train" ? "the images of training, since none are held out" : `${name}, images held out`;
    const pictures = filesPictures(files, own, side);
    const title = own.length < Math.min(chosen.length, MOST_TESTED) ? `${which}, one for each caption` : which;
    return { name, title, known: [], ...byLanguage(pictures, trained) };
  });
}

/** The captions as classes, if each image has one and a class of training has two images or more, on average. */
function classesOf({ items }: FileImages, { train }: FilesSplit): Classes | undefined {
  if (items.some(({ captions }) => captions.length !== 1)) return undefined;
  const captionOf = (item: number): string => items[item].captions[0].text;
  const names = [...new Set(Array.from(train, captionOf))].sort();
  if (names.length < 2 || 2 * names.length > train.length) return undefined;
  const place = new Map(names.map((name, i) => [name, i]));
  return { names, ofItem: Int32Array.from(items.keys(), (item) => place.get(captionOf(item)) ?? -1) };
}

/** Images with their classes, those of training to learn from. */
function probed(files: FileImages, split: FilesSplit, side: number): ProbeData | undefined {
  const classes = classesOf(files, split);
  if (!classes) return undefined;
  const { names, ofItem } = classes;
  const labelled = (items: Int32Array) => {
    const chosen = items.filter((item) => ofItem[item] >= 0).subarray(0, MOST_TESTED);
    return { pictures: filesPictures(files, chosen, side), labels: chosen.map((item) => ofItem[item]) };
  };
  const [[name, tested] = ["the images of training, since none are held out", split.train]] = split.tests;
  const test = labelled(tested);
  if (test.labels.length === 0) return undefined; // the classes that are tested were never trained
  return { title: `captions as classes, ${name}`, classes: names, train: [labelled(split.train)], test };
}

/** Keys of the user's images without effect on other data. */
export function filesConflicts({ data }: FilesSettings): Conflict[] {
  if (data.name === "files") return [];
  const found: Conflict[] = [];
  if (data.path !== "none") {
    const detail = `data.path is for data.name files, and this run is on ${data.name}; use --data PATH`;
    found.push({ keys: ["data.path", "data.name"], detail });
  }
  if (data.preprocess !== "none") {
    const detail = `released weights take images as photographs, and ${data.name} are drawn in ink; train them on your own images with --data PATH`;
    found.push({ keys: ["data.preprocess", "data.name"], detail });
  }
  return found;
}

/** The user's images. */
export const filesData: DataSet<FilesSettings> = {
  hasFixedImages: ({ data }) => data.augment === "none",
  repeatsTexts: () => true,

  conflicts({ data }) {
    if (data.preprocess === "none" || data.augment === "none") return [];
    const detail = `data.augment ${data.augment} is for models that are trained here; released weights take images as they were trained: data.augment=none`;
    return [{ keys: ["data.augment", "data.preprocess"], detail }];
  },

  async openVocabulary(settings, opening) {
    const files = await openedFiles(settings, opening);
    const { train } = splitFiles(files, settings.data.testShare);
    const texts = textsOf(files, train);
    return { tokenizer: tokenizerFor(settings, texts), items: train.length, texts };
  },

  async openTraining(settings, opening) {
    const files = await openedFiles(settings, opening);
    const split = splitFiles(files, settings.data.testShare);
    const { train } = split;
    checkBatch(settings, train.length);
    const texts = textsOf(files, train);
    const tokenizer = tokenizerFor(settings, texts);
    return {
      tokenizer,
      items: train.length,
      texts,
      contents: contentsOf(files, split),
      pairs: {
        data: "files",
        tokenizer: tokenizer.toJSON(),
        length: settings.tokenizer.length,
        side: settings.model.image.imageSize,
        augmentation: augmentations[settings.data.augment],
        chosen: train,
        rendered: files.rendered,
      },
    };
  },

  async openTests(settings, opening: TestOpening) {
    const { rendered } = opening;
    const files = rendered ? { ...filesFrom(rendered), rendered } : await openedFiles(settings, opening);
    const sets = testsOf(files, splitFiles(files, settings.data.testShare), settings.model.image.imageSize);
    return { sets, shared: { rendered: files.rendered } };
  },

  async openClasses(settings, opening) {
    const files = await openedFiles(settings, opening);
    const classes = classesOf(files, splitFiles(files, settings.data.testShare));
    if (classes) return classes;
    const detail =
      "train.objective classify needs classes: one caption for each image, as in folders of classes, and at least two images for a class; use train.objective=pairs";
    throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "train.objective", detail }]);
  },

  async openProbe(settings, opening) {
    const files = opening.rendered ? filesFrom(opening.rendered) : await openedFiles(settings, opening);
    return probed(files, splitFiles(files, settings.data.testShare), settings.model.image.imageSize);
  },
};
