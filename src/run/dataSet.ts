/**
 * A data set as a value: what a run trains on and is tested on, and its own configuration keys.
 *
 * To add a data set, write a file with such a value and list it in `dataSets.ts`.
 */
import type { EmojiNames, OpenedFiles, PairsSpec, PictureSet, RenderedPictures } from "../data/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { ConfigError, type Conflict } from "./configError.ts";

/** The parts of a configuration that every data set reads; its own keys are in `data`. */
export interface DataSettings {
  readonly data: { readonly name: string };
  /** A data set learns a tokenizer of the kind bpe; with init that of the starting weights replaces its own. */
  readonly tokenizer: { readonly kind: "bpe" | "bytes" | "init"; readonly vocabSize: number; readonly length: number };
  readonly model: { readonly image: { readonly imageSize: number } };
  readonly train: { readonly batch: number; readonly seed: number };
}

/** Callbacks and cache for opening data. */
export interface Opening {
  /** Reports how many images are rendered; every call is also a heartbeat. */
  readonly progress?: (done: number, total: number) => void;
  /** Receives remarks on what takes time or space. */
  readonly note?: (message: string) => void;
  /** Receives warnings. */
  readonly warn?: (message: string) => void;
  /** The caller lists rows of the user's data that cannot be used: no warning names them. */
  readonly listsBadRows?: boolean;
  /** The folder that caches rendered images, and holds names of CLDR; without one the images stay in memory. */
  readonly cache?: string | undefined;
  /** Threads that decode many images of the user; 1 by default, which is this one. */
  readonly threads?: number;
  /** Keeps the images of the user that were opened last, for a command that opens them several times; without it they are read anew. */
  readonly files?: { from?: string; opened?: Promise<OpenedFiles> };
}

/** Options for opening test sets. */
export interface TestOpening extends Opening {
  /** Images that another thread has rendered or read already. */
  readonly rendered?: RenderedPictures | undefined;
  /** Names that another thread has read already. */
  readonly names?: EmojiNames | undefined;
}

/** What is known of the training data before any image is rendered. */
export interface Vocabulary {
  readonly tokenizer: Tokenizer;
  /** Number of distinct items; a batch contains each at most once. */
  readonly items: number;
  /** All captions. */
  readonly texts: readonly string[];
}

/** What a run trains on. */
export interface TrainingData extends Vocabulary {
  /** The source of the batches, as plain data for the devices that draw them. */
  readonly pairs: PairsSpec;
  /** SHA-256 of data that may change between two runs, a user's or icons: a resumed run must find it unchanged. */
  readonly contents?: string;
}

/** Images with their texts. */
export interface TestSet {
  /** For programs: "openmoji". */
  readonly name: string;
  /** For people: "openmoji, a style never seen". */
  readonly title: string;
  readonly pictures: PictureSet;
  /** Those of the languages of its texts that training saw; only of data with languages. */
  readonly trainedLanguages?: readonly string[];
  /** Training images by style, of the same items in the same order: for the pixel baseline, which is left out without them. */
  readonly known: readonly PictureSet[];
}

/** The test data of a run. */
export interface Tests {
  /** The first is the one that a run is judged by. */
  readonly sets: readonly TestSet[];
  /** Training pictures with their texts, not augmented: recall on some of them is measured beside that on the first set. */
  readonly trained?: PictureSet;
  /** The rendered or read images and names, for devices. */
  readonly shared?: Pick<TestOpening, "rendered" | "names">;
}

/** Images with their classes. */
export interface LabelledPictures {
  readonly pictures: PictureSet;
  /** Class of each image, an index. */
  readonly labels: Int32Array;
}

/** The classes of a data set. */
export interface Classes {
  readonly names: readonly string[];
  /** The class of each item of the batches, an index; −1 for none. */
  readonly ofItem: Int32Array;
}

/** Labelled images for the few-shot probe. */
export interface ProbeData {
  /** For people, what is classified in which images: "group of an emoji in openmoji". */
  readonly title: string;
  readonly classes: readonly string[];
  /** Images in the styles, or of the scenes, that training saw: the probe learns from a few of them. */
  readonly train: readonly LabelledPictures[];
  readonly test: LabelledPictures;
  /** Images in other styles that training never sees; the probe is not tested on them. */
  readonly others?: readonly (LabelledPictures & { readonly title: string })[];
}

/** A data set. Its methods throw `DataError` if the data is not available, `ConfigError` if a batch is larger than it. */
export interface DataSet<Settings extends DataSettings = DataSettings> {
  /** Whether training shows a finite list of images as they are, so that a locked tower needs to embed each only once. */
  hasFixedImages(settings: Settings): boolean;
  /** Whether two items of a batch may have the same text. */
  repeatsTexts(settings: Settings): boolean;
  /** Combinations of its keys that it cannot use. */
  conflicts?(settings: Settings): Conflict[];
  /** Opens the tokenizer without rendering or writing anything; a user's images are read and decoded for it, once. */
  openVocabulary(settings: Settings, opening: Opening): Promise<Vocabulary>;
  /** Opens the training data. */
  openTraining(settings: Settings, opening: Opening): Promise<TrainingData>;
  /** Opens the test sets. */
  openTests(settings: Settings, opening: TestOpening): Promise<Tests>;
  /** Opens the classes of the training data, without images. Throws `ConfigError` if it has none. */
  openClasses(settings: Settings, opening: Pick<Opening, "cache">): Promise<Classes>;
  /** Opens labelled images of the same classes, for the few-shot probe; undefined if it has no classes. */
  openProbe(settings: Settings, opening: TestOpening): Promise<ProbeData | undefined>;
}

/** Throws `ConfigError` if a batch has more rows than the data has items. */
export function checkBatch({ data, train: { batch } }: DataSettings, items: number): void {
  if (batch <= items) return;
  const detail = `train.batch = ${batch} is more than the ${items} items of ${data.name}; a batch holds each item once, so use at most ${items}`;
  throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "train.batch", detail }]);
}
