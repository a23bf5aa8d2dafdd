/** What was understood of the user's images and captions, for --dry-run: as data, and in words. */
import { type BadRow, badRowLines, type Columns, type OpenedFiles, storedBytes } from "../data/index.ts";
import { printable } from "../formats/index.ts";
import { isCut, type Tokenizer, unknownWords } from "../tokenizers/index.ts";
import { clip } from "./didYouMean.ts";
import type { FilesSplit } from "./filesData.ts";

/** What was understood of a source. */
export interface FilesSummary {
  /** "a folder with captions beside the images". */
  readonly source: string;
  readonly columns?: Columns;
  /** Good and bad rows. */
  readonly rows: number;
  /** Different images that can be used. */
  readonly images: number;
  readonly captions: number;
  /** The first images by name, with their captions. */
  readonly examples: readonly { readonly image: string; readonly captions: readonly string[] }[];
  /** Images to train on, and by the name of the split to test on. */
  readonly train: number;
  readonly tests: Readonly<Record<string, number>>;
  /** Captions by the language that their source names. */
  readonly languages: Readonly<Record<string, number>>;
  /** Rows with the image of an earlier row: their captions are joined. */
  readonly repeatedImages: number;
  /** Images that were listed for training and testing: they are tested only. */
  readonly inTwoSplits: number;
  /** Captions that another image has too: in a batch neither is a negative of the other. */
  readonly sharedCaptions: number;
  /** Captions with nothing but white space, left out beside others of their row. */
  readonly emptyCaptions: number;
  /** Captions longer than the model reads. */
  readonly cutCaptions: number;
  /** Captions with a word that the tokenizer knows only as bytes, or not at all. */
  readonly unknownCaptions: number;
  /** Images that lose more than half of their area where they are cropped. */
  readonly mostlyCropped: number;
  /** Bytes of the decoded pictures. */
  readonly pictureBytes: number;
  /** Rows that cannot be used. */
  readonly bad: readonly BadRow[];
}

/** Images whose captions are shown, so that somebody sees whether the right ones were found. */
const EXAMPLES = 3;

/** Summarizes images that were opened, for a tokenizer and the tokens of a text. */
export function summarizeFiles(
  files: OpenedFiles,
  { train, tests }: FilesSplit,
  tokenizer: Tokenizer,
  length: number,
): FilesSummary {
  const { source, items, rows, bad, emptyCaptions, repeatedImages, inTwoSplits, form } = files;
  const captions = items.flatMap((item) => item.captions);
  const uses = new Map<string, number>();
  for (const { text } of captions) uses.set(text.toLowerCase(), (uses.get(text.toLowerCase()) ?? 0) + 1);
  const languages: Record<string, number> = {};
  for (const { language } of captions) if (language) languages[language] = (languages[language] ?? 0) + 1;
  return {
    source: source.title,
    ...(source.columns ? { columns: source.columns } : {}),
    ...{ rows, images: items.length, captions: captions.length, train: train.length },
    examples: [...items]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .slice(0, EXAMPLES)
      .map(({ name, captions }) => ({ image: name, captions: captions.map(({ text }) => text) })),
    tests: Object.fromEntries([...tests].map(([name, chosen]) => [name, chosen.length])),
    ...{ languages, repeatedImages, inTwoSplits, emptyCaptions },
    sharedCaptions: captions.filter(({ text }) => uses.get(text.toLowerCase())! > 1).length,
    cutCaptions: captions.filter(({ text }) => isCut(tokenizer, text, length)).length,
    unknownCaptions: captions.filter(({ text }) => unknownWords(tokenizer, text).length > 0).length,
    mostlyCropped: items.filter(({ cutOff }) => cutOff > 0.5).length,
    pictureBytes: items.length * storedBytes(form),
    bad,
  };
}

const counted = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, count]) => `${name} ${count.toLocaleString("en")}`)
    .join(", ");

/** `cat.png: a black cat` */
const exampleText = (image: string, captions: readonly string[]): string =>
  `${image}: ${captions.map(clip).map(printable).join(" | ")}`;

const emptyText = (count: number): string =>
  count === 0 ? "" : `${count.toLocaleString("en")} (nothing but white space, beside others; left out)`;

/** A summary in words, a line for each thing that there is. */
export function filesSummaryText(summary: FilesSummary): string {
  const { columns, bad, tests, languages, pictureBytes, examples } = summary;
  const used = columns && Object.entries(columns).filter(([, name]) => name !== undefined);
  const tested = Object.keys(tests).length > 0 ? counted(tests) : "none held out; tested on those of training";
  const lines: [string, string | number | undefined][] = [
    ["source", summary.source],
    ["columns", used?.map(([role, name]) => `${role}: ${name}`).join(", ")],
    ["rows", summary.rows],
    ["images", `${summary.images.toLocaleString("en")} (train ${summary.train.toLocaleString("en")}, ${tested})`],
    ["captions", summary.captions],
    ...examples.map(({ image, captions }): [string, string] => ["for example", exampleText(image, captions)]),
    ["languages", counted(languages)],
    ["rows with an image seen before", summary.repeatedImages],
    ["images for training and testing", summary.inTwoSplits],
    ["captions of several images", summary.sharedCaptions],
    ["empty captions", emptyText(summary.emptyCaptions)],
    ["captions that are cut", summary.cutCaptions],
    ["captions with unknown words", summary.unknownCaptions],
    ["images cropped by more than half", summary.mostlyCropped],
    ["decoded pictures", `${(pictureBytes / 2 ** 20).toFixed(1)} MiB`],
    ["rows that cannot be used", bad.length],
  ];
  const width = Math.max(...lines.map(([name]) => name.length)) + 2;
  const shown = lines.filter(([, value]) => value !== undefined && value !== 0 && value !== "");
  const text = ([name, value]: (typeof lines)[number]): string =>
    `${name.padEnd(width)}${typeof value === "number" ? value.toLocaleString("en") : value}`;
  return [...shown.map(text), ...(bad.length > 0 ? [badRowLines(bad, Number.POSITIVE_INFINITY)] : [])].join("\n");
}
