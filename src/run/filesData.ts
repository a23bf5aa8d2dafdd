/** Images and captions of the user as a data set: from a folder or a table, tested on some that are held out. */
import {
  augmentations,
  badRowLines,
  type FileImages,
  filesFrom,
  filesPictures,
  type OpenedFiles,
  openFiles,
  SourceError,
  storedSide,
} from "../data/index.ts";
import { byteTokenizer, type Tokenizer, trainBpe } from "../tokenizers/index.ts";
import {
  checkBatch,
  type DataSet,
  type DataSettings,
  type Opening,
  type TestOpening,
  type TestSet,
} from "./dataSet.ts";
import { number, text } from "./fields.ts";

/** Configuration keys of the user's images. */
export const filesKeys = {
  path: text("none", "a path", "files: the folder or table of captioned images"),
  image: text("auto", "auto or the name of a column", "files: the column of a table that holds the images"),
  text: text("auto", "auto or the name of a column", "files: the column of a table that holds the captions"),
  testShare: number(0.1, { min: 0, max: 0.9 }, "files: share of the images to test on, if the data names no split"),
  allowBad: number(0.05, { min: 0, max: 1 }, "files: share of rows that may be unusable"),
};

/** The parts of a configuration that the user's images read. */
export interface FilesSettings extends DataSettings {
  readonly data: {
    readonly name: string;
    readonly path: string;
    readonly image: string;
    readonly text: string;
    readonly testShare: number;
    readonly allowBad: number;
    readonly augment: keyof typeof augmentations;
    readonly trim: "content" | "never";
  };
}

/** Fewer images than this are all trained on: too few to hold some out. */
const LEAST_TO_SPLIT = 20;
/** A training needs something that an image does not match. */
const LEAST = 2;

/** The last images that were opened: a training opens its data several times, and reading them takes long. */
let last: { readonly from: string; readonly opened: Promise<OpenedFiles> } | undefined;

/** Opens the images of a run; warns of rows that cannot be used. */
export function openedFiles({ data, model }: FilesSettings, opening: Opening): Promise<OpenedFiles> {
  const { path, image, text, allowBad, trim } = data;
  const options = { path, image, text, allowBad, trim: trim === "content", stored: storedSide(model.image.imageSize) };
  const from = JSON.stringify(options);
  if (last?.from !== from) last = { from, opened: opened({ ...options, ...opening }) };
  return last.opened;
}

async function opened(options: Parameters<typeof openFiles>[0]): Promise<OpenedFiles> {
  const { warn = () => {} } = options;
  const files = await openFiles(options);
  const { bad, rows, source, items } = files;
  for (const note of source.notes) warn(note);
  if (bad.length > 0) warn(`${bad.length} of ${rows} rows cannot be used and are left out:`);
  for (const line of bad.length > 0 ? badRowLines(bad).split("\n") : []) warn(line.trim());
  if (items.length < LEAST) {
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

const textsOf = ({ items }: FileImages, chosen: Int32Array): string[] =>
  Array.from(chosen).flatMap((item) => items[item].captions.map(({ text }) => text));

function tokenizerFor({ tokenizer: { kind, vocabSize } }: DataSettings, texts: readonly string[]): Tokenizer {
  return kind === "bytes" ? byteTokenizer : trainBpe(texts, vocabSize);
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

function testsOf(files: FileImages, { train, tests }: FilesSplit, side: number): TestSet[] {
  const sets = tests.size > 0 ? [...tests] : [["train", train] as const];
  return sets.map(([name, chosen]) => {
    const own = withOwnCaptions(files, chosen);
    const which = name === "train" ? "the images of training, since none are held out" : `${name}, images held out`;
    const title = own.length < chosen.length ? `${which}, one for each caption` : which;
    return { name, title, pictures: filesPictures(files, own, side), known: [] };
  });
}

/** The user's images. */
export const filesData: DataSet<FilesSettings> = {
  hasFixedImages: ({ data }) => data.augment === "none",
  repeatsTexts: () => true,

  conflicts({ data }) {
    if (data.path !== "none") return [];
    const detail = "data.name files needs data.path, the folder or table of your images: --data PATH sets both";
    return [{ keys: ["data.path", "data.name"], detail }];
  },

  async openVocabulary(settings, opening) {
    const files = await openedFiles(settings, opening);
    const { train } = splitFiles(files, settings.data.testShare);
    return { tokenizer: tokenizerFor(settings, textsOf(files, train)), items: train.length };
  },

  async openTraining(settings, opening) {
    const files = await openedFiles(settings, opening);
    const { train } = splitFiles(files, settings.data.testShare);
    checkBatch(settings, train.length);
    const texts = textsOf(files, train);
    const tokenizer = tokenizerFor(settings, texts);
    return {
      tokenizer,
      items: train.length,
      texts,
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

  openProbe: async () => undefined,
};
