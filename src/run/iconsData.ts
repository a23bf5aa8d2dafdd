/** Icons as a data set: names with drawings of many sets, tested on sets that training never sees. */
import { join } from "node:path";
import {
  augmentations,
  type Icon,
  type IconUse,
  iconPictures,
  iconsByName,
  iconsOf,
  type OpenedIcons,
  openIcons,
} from "../data/index.ts";
import { byteTokenizer, type Tokenizer, trainBpe } from "../tokenizers/index.ts";
import { sha256 } from "./checkpoint.ts";
import {
  type Classes,
  checkBatch,
  type DataSet,
  type DataSettings,
  type ProbeData,
  type TestOpening,
  type TestSet,
} from "./dataSet.ts";
import { choice } from "./fields.ts";

/** Configuration keys of the icons. */
export const iconKeys = {
  split: choice("test", ["validation", "test"], "icons: the sets to test on; choose settings by those for validation"),
};

/** The parts of a configuration that the icons read. */
export interface IconSettings extends DataSettings {
  readonly data: {
    readonly name: string;
    readonly split: "validation" | "test";
    readonly augment: keyof typeof augmentations;
    readonly trim: "content" | "never";
  };
}

/** The folder of the data set in the cache; undefined without one. */
export const iconsFolder = (cache: string | undefined): string | undefined => cache && join(cache, "icons");

const open = ({ cache, rendered }: TestOpening, uses: readonly IconUse[]): Promise<OpenedIcons> =>
  openIcons({ folder: iconsFolder(cache), uses, rendered });

/** The names to train on, and their tokenizer. */
function vocabularyOf(icons: OpenedIcons, { tokenizer: { kind, vocabSize } }: DataSettings) {
  const texts = [...iconsByName(icons, "train").keys()];
  const tokenizer: Tokenizer = kind === "bpe" ? trainBpe(texts, vocabSize) : byteTokenizer;
  return { texts, items: texts.length, tokenizer };
}

/** The test sets of one icon set: all of its names, those that training saw in other sets, and the others. */
function testsOf(
  name: string,
  icons: readonly Icon[],
  trained: ReadonlyMap<string, readonly Icon[]>,
  side: number,
): TestSet[] {
  const known = icons.filter((icon) => trained.has(icon.name));
  const most = known.reduce((count, icon) => Math.max(count, trained.get(icon.name)!.length), 0);
  // Gallery k: the drawing number k of each name, or its last.
  const galleries = Array.from({ length: most }, (_, k) =>
    iconPictures(
      known.map((icon) => trained.get(icon.name)!.at(k) ?? trained.get(icon.name)!.at(-1)!),
      side,
    ),
  );
  const sets = [
    { name, title: `${name}, a set never seen in training`, icons, known: [] },
    { name: `${name}-known`, title: `${name}, names seen in training`, icons: known, known: galleries },
    {
      name: `${name}-new`,
      title: `${name}, names never seen`,
      icons: icons.filter((icon) => !trained.has(icon.name)),
      known: [],
    },
  ];
  return sets
    .filter((set) => set.icons.length > 0)
    .map(({ icons: chosen, ...set }) => ({ ...set, pictures: iconPictures(chosen, side) }));
}

/** SHA-256 of the names and drawings to train on. */
const contentsOf = ({ sets }: OpenedIcons): string =>
  sha256(
    JSON.stringify(
      sets.filter(({ use }) => use === "train").map(({ name, sha256, names, rows }) => [name, sha256, names, rows]),
    ),
  );

const CLASSES = 20;
const SHOWN = 1000; // names of training, at most, whose recall is measured

const firstWord = (name: string): string => name.split(" ")[0];

/** The first word of an icon's name as its class: the most frequent ones of the tested sets. */
function classNames({ sets }: OpenedIcons, tested: IconUse): string[] {
  const uses = new Map<string, number>();
  for (const name of sets.filter(({ use }) => use === tested).flatMap(({ names }) => names)) {
    uses.set(firstWord(name), (uses.get(firstWord(name)) ?? 0) + 1);
  }
  return [...uses.keys()].sort((a, b) => uses.get(b)! - uses.get(a)!).slice(0, CLASSES);
}

/** The classes of the names to train on; most have none. */
async function classesOf({ data }: IconSettings, opening: TestOpening): Promise<Classes> {
  const icons = await open(opening, []);
  const names = classNames(icons, data.split);
  const items = [...iconsByName(icons, "train").keys()];
  return { names, ofItem: Int32Array.from(items, (name) => names.indexOf(firstWord(name))) };
}

/** Icons with their classes. */
async function probed({ data, model }: IconSettings, opening: TestOpening): Promise<ProbeData> {
  const opened = await open(opening, ["train", data.split]);
  const of = (use: IconUse): Icon[] => opened.sets.filter((set) => set.use === use).flatMap(iconsOf);
  const classes = classNames(opened, data.split);
  const labelled = (icons: readonly Icon[]) => {
    const chosen = icons.filter(({ name }) => classes.includes(firstWord(name)));
    return {
      pictures: iconPictures(chosen, model.image.imageSize),
      labels: Int32Array.from(chosen, ({ name }) => classes.indexOf(firstWord(name))),
    };
  };
  return {
    title: "first word of an icon's name in a set never seen, learned in others",
    classes,
    train: [labelled(of("train"))],
    test: labelled(of(data.split)),
  };
}

/** The data set of icons. */
export const iconsData: DataSet<IconSettings> = {
  hasFixedImages: () => false, // a row shows a random one of the drawings of its name
  repeatsTexts: () => false, // a batch holds a name once

  conflicts({ data: { trim } }) {
    if (trim === "content") return [];
    const detail = "data.trim never is for emoji: icons are prepared cropped to their content; leave it out";
    return [{ keys: ["data.trim", "data.name"], detail }];
  },

  async openVocabulary(settings, opening) {
    return vocabularyOf(await open(opening, []), settings);
  },

  async openTraining(settings, opening) {
    const { data, tokenizer: tokens, model } = settings;
    const icons = await open(opening, ["train", data.split]);
    const { texts, items, tokenizer } = vocabularyOf(icons, settings);
    checkBatch(settings, items);
    return {
      tokenizer,
      items,
      texts,
      contents: contentsOf(icons),
      pairs: {
        data: "icons",
        tokenizer: tokenizer.toJSON(),
        length: tokens.length,
        side: model.image.imageSize,
        augmentation: augmentations[data.augment],
        rendered: icons.rendered,
      },
    };
  },

  async openTests({ data: { split }, model }, opening) {
    const icons = await open(opening, ["train", split]);
    const trained = iconsByName(icons, "train");
    const tested = icons.sets.filter(({ use }) => use === split);
    const sets = tested.flatMap((set) => testsOf(set.name, iconsOf(set), trained, model.image.imageSize));
    const every = Math.ceil(trained.size / SHOWN);
    const shown = [...trained.values()].filter((_, i) => i % every === 0).map(([first]) => first);
    return { sets, trained: iconPictures(shown, model.image.imageSize), shared: { rendered: icons.rendered } };
  },

  openClasses: classesOf,

  openProbe: probed,
};
