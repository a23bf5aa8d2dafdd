/** The data sets that a run can train on, by their name in a configuration, and their configuration keys. */

import { NOISE_KINDS, spoilsImages } from "../data/index.ts";
import { ConfigError, type Conflict } from "./configError.ts";
import type { Classes, Opening, ProbeData, TestOpening, Tests, TrainingData, Vocabulary } from "./dataSet.ts";
import { type EmojiSettings, emojiData, emojiKeys } from "./emojiData.ts";
import { choice, number, type Values } from "./fields.ts";
import { type FilesSettings, filesConflicts, filesData, filesKeys } from "./filesData.ts";
import { type IconSettings, iconKeys, iconsData } from "./iconsData.ts";
import { shapesData } from "./shapesData.ts";

const dataSets = {
  emoji: emojiData(false),
  "emoji-unseen": emojiData(true),
  icons: iconsData,
  shapes: shapesData,
  files: filesData,
};

/** Name of a data set. */
export type DataName = keyof typeof dataSets;
/** Names of all data sets. */
export const dataNames = Object.keys(dataSets) as readonly DataName[];

const noiseKeys = {
  noise: choice("none", ["none", ...NOISE_KINDS], "what of training pairs is spoiled at random"),
  noiseProbability: number(0, { min: 0, max: 1 }, "probability with which a row is spoiled"),
};

/** The keys of all data sets. */
export const dataKeys = { ...emojiKeys, ...iconKeys, ...filesKeys, ...noiseKeys };

type Settings = EmojiSettings &
  IconSettings &
  FilesSettings & { readonly data: Values<typeof noiseKeys> & { readonly name: DataName } };

/** Combinations of its keys that a data set cannot use. */
export function dataConflicts(settings: Settings): Conflict[] {
  const { noise, noiseProbability } = settings.data;
  const found = [...(dataSets[settings.data.name].conflicts?.(settings) ?? []), ...filesConflicts(settings)];
  if (noise !== "none" || noiseProbability === 0) return found;
  const detail = `data.noiseProbability ${noiseProbability} has no effect with data.noise none; set data.noise to one of ${NOISE_KINDS.join(", ")}`;
  return [...found, { keys: ["data.noiseProbability", "data.noise"], detail }];
}

/** Whether training shows a finite list of images as they are. */
export const hasFixedImages = (settings: Settings): boolean =>
  !spoilsImages(settings.data.noise) && dataSets[settings.data.name].hasFixedImages(settings);

/** Whether two items of a batch may have the same text. */
export const repeatsTexts = (settings: Settings): boolean => dataSets[settings.data.name].repeatsTexts(settings);

/** The tokenizer of a run and the number of its items, without rendering or writing anything but a user's decoded images. */
export const openVocabulary = (settings: Settings, opening: Opening = {}): Promise<Vocabulary> =>
  dataSets[settings.data.name].openVocabulary(settings, opening);

/** Opens the training data; renders images that the cache lacks. Throws `ConfigError` if a batch is larger than the data. */
export const openTraining = (settings: Settings, opening: Opening): Promise<TrainingData> =>
  dataSets[settings.data.name].openTraining(settings, opening);

/** Opens the test sets of a run. */
export const openTests = (settings: Settings, opening: TestOpening): Promise<Tests> =>
  dataSets[settings.data.name].openTests(settings, opening);

/** The classes of the training data, without opening images. Throws `ConfigError` if it has none. */
export const openClasses = (settings: Settings, opening: Pick<Opening, "cache"> = {}): Promise<Classes> =>
  dataSets[settings.data.name].openClasses(settings, opening);

/** Opens labelled images for the few-shot probe of a run; undefined if its data has no classes. */
export const openProbe = (settings: Settings, opening: TestOpening): Promise<ProbeData | undefined> =>
  dataSets[settings.data.name].openProbe(settings, opening);

/** Opens the labelled images of a run that is trained on classes. Throws `ConfigError` if its data has none. */
export async function openLabelled(settings: Settings, opening: TestOpening): Promise<ProbeData> {
  const data = await openProbe(settings, opening);
  if (data !== undefined) return data;
  const detail = `train.objective classify needs classes, and the data set ${settings.data.name} has none; use train.objective=pairs`;
  throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "train.objective", detail }]);
}
