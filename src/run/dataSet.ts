/**
 * A data set as a value: what a run trains on and is judged by, and the configuration keys of its own.
 *
 * A new data set is a file with such a value and a line in `dataSets.ts`.
 */
import type { PairsSpec, PictureSet, RenderedPictures, Tokenizer } from "../data/index.ts";
import { ConfigError } from "./schema.ts";

/** The parts of a configuration that every data set reads; keys of its own lie in `data`. */
export interface DataSettings {
  readonly data: { readonly name: string };
  readonly tokenizer: { readonly kind: "bpe" | "bytes"; readonly vocabSize: number; readonly length: number };
  readonly model: { readonly image: { readonly imageSize: number } };
  readonly train: { readonly batch: number; readonly seed: number };
}

/** How data is opened. */
export interface Opening {
  /** Is told how many pictures are rendered; every call is also a sign of life. */
  readonly progress?: (done: number, total: number) => void;
  /** Is told what does not keep anything from going on. */
  readonly warn?: (message: string) => void;
  /** The folder that rendered pictures are kept in; without one they stay in memory. */
  readonly cache?: string | undefined;
}

/** How test sets are opened. */
export interface TestOpening extends Opening {
  /** What another thread has rendered or read already. */
  readonly rendered?: RenderedPictures | undefined;
  /** The pixel baseline is computed by one device: others leave its pictures out. */
  readonly wantsKnown?: boolean;
}

/** What is known of the training data before a picture is rendered. */
export interface Vocabulary {
  readonly tokenizer: Tokenizer;
  /** Distinct items to train on: a batch shows each at most once. */
  readonly items: number;
}

/** What a run trains on. */
export interface TrainingData extends Vocabulary {
  /** What batches are made of, as plain data for the thread that makes them. */
  readonly pairs: PairsSpec;
  /** All captions. */
  readonly texts: readonly string[];
}

/** Images with their texts. */
export interface TestSet {
  /** For people: "openmoji, a style never seen". */
  readonly title: string;
  readonly pictures: PictureSet;
}

/** What a run is judged by. */
export interface Tests {
  /** The first is the one that counts. */
  readonly sets: readonly TestSet[];
  /** Images seen in training, by style, in the order of the first set's: for the pixel baseline. */
  readonly known: readonly PictureSet[];
  /** What was rendered or read, for devices. */
  readonly rendered?: RenderedPictures;
}

/** A data set. Its methods throw `DataError` for data that cannot be had, and `ConfigError` for a batch larger than the data. */
export interface DataSet<Settings extends DataSettings = DataSettings> {
  /** Opens the tokenizer, and renders and writes nothing. */
  openVocabulary(settings: Settings): Promise<Vocabulary>;
  /** Opens the training data. */
  openTraining(settings: Settings, opening: Opening): Promise<TrainingData>;
  /** Opens the test sets. */
  openTests(settings: Settings, opening: TestOpening): Promise<Tests>;
  /** Images of test sets that so many devices hold, all together. */
  testedImages(settings: Settings, items: number, devices: number): number;
}

/** Throws `ConfigError` when a batch cannot be filled with different items of the data. */
export function checkBatch({ data, train: { batch } }: DataSettings, items: number): void {
  if (batch <= items) return;
  const detail = `train.batch = ${batch} is more than the ${items} items of ${data.name}; a batch holds each item once, so use at most ${items}`;
  throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "train.batch", detail }]);
}
