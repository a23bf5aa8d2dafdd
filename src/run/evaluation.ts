/** Zero-shot retrieval on a set of images and texts: the figures, and the table for people. */
import { pixelNeighbours } from "../data/index.ts";
import {
  type Calibration,
  calibration,
  meanRecall,
  type Recall,
  type Retrieval,
  retrieval,
  retrievalByLanguage,
  retrievalOfScores,
} from "../eval/index.ts";
import { alone, type Communicator } from "../parallel/index.ts";
import type { LanguageRow } from "../report/index.ts";
import { type SigLip, trainingLosses } from "../siglip/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { Config } from "./config.ts";
import type { TestSet, Tests } from "./dataSet.ts";
import { embedPictures, embedTexts } from "./embed.ts";
import { languageMeans, languageRecalls } from "./languageTable.ts";

/** Retrieval on one test set; with texts in several languages, `recall` and `chance` are means over those of training. */
export interface Evaluation extends Retrieval {
  readonly name: string;
  readonly title: string;
  /** By language; only with several. */
  readonly languages?: readonly LanguageRow[];
  /** Of the weights that the run started from; only on the data of their own training. */
  readonly before?: readonly Recall[];
  /** Baseline, image → text only: the nearest trimmed pixels in the training styles, if they hold the same items. */
  readonly pixels?: readonly Recall[];
  /** Of the probabilities σ(t·x·y + b); only after a loss that trains them. */
  readonly calibration?: Calibration;
}

/** The embeddings of a test set, kept for the report. */
export interface EmbeddedSet {
  readonly test: TestSet;
  readonly zimg: Float32Array; // [N, d]
  readonly ztxt: Float32Array; // [M, d]
}

/** A model with its tokenizer, and the devices that embed with it. */
export interface Embedder {
  readonly model: SigLip;
  readonly tokenizer: Tokenizer;
  /** Tokens of a text. */
  readonly length: number;
  readonly comm?: Communicator;
  /** A heartbeat: scores of many texts take longer than devices wait for each other. */
  readonly alive?: () => void;
}

export function embedSet({ model, tokenizer, length, comm = alone }: Embedder, test: TestSet): EmbeddedSet {
  return {
    test,
    zimg: embedPictures(model, test.pictures, comm),
    ztxt: embedTexts(model, tokenizer, test.pictures.texts, length, comm),
  };
}

const KS = [1, 5, 10];

/** Recall at 1, 5 and 10 in both directions; with several languages, in each. */
export function evaluateSet(set: EmbeddedSet, alive?: () => void): Evaluation {
  const { test, zimg, ztxt } = set;
  const { name, title, trainedLanguages = [], pictures } = test;
  const { owner, languages } = pictures;
  if (new Set(languages).size < 2) return { name, title, ...retrieval(zimg, ztxt, owner, KS) };
  const found = retrievalByLanguage(zimg, ztxt, owner, languages!, KS, alive).languages;
  const trained = trainedLanguages.map((language) => found.get(language)!);
  return {
    name,
    title,
    images: pictures.count,
    texts: owner.length,
    recall: meanRecall(trained.map(({ recall }) => recall)),
    chance: meanRecall(trained.map(({ chance }) => chance)),
    languages: languageRecalls(found, trainedLanguages),
  };
}

/** A set with only its texts in the given languages; the whole set if its texts name no language. */
function inLanguages(
  set: EmbeddedSet,
  chosen: readonly string[] | undefined,
): Pick<EmbeddedSet, "zimg" | "ztxt"> & { owner: Int32Array } {
  const { zimg, ztxt, test } = set;
  const { owner, languages } = test.pictures;
  if (languages === undefined || chosen === undefined) return { zimg, ztxt, owner };
  const d = ztxt.length / owner.length;
  const texts = owner.map((_, j) => j).filter((j) => chosen.includes(languages[j]));
  const rows = new Float32Array(texts.length * d);
  texts.forEach((j, row) => {
    rows.set(ztxt.subarray(j * d, (j + 1) * d), row * d);
  });
  return { zimg, ztxt: rows, owner: texts.map((j) => owner[j]) };
}

/** How well the probabilities of a model are calibrated, in batches as in its training; undefined if it has none. */
function calibrationOf(
  { model, alive = () => {} }: Embedder,
  set: EmbeddedSet,
  { loss, batch }: Config["train"],
): Calibration | undefined {
  const [t, b] = [Math.exp(model.tPrime.value.item()), model.b.value.item()];
  // A batch of one has no pair that does not match; a temperature may overflow after a training that diverged.
  if (trainingLosses[loss].probability === undefined || batch < 2 || !Number.isFinite(t)) return undefined;
  const { zimg, ztxt, owner } = inLanguages(set, set.test.trainedLanguages);
  return calibration(zimg, ztxt, owner, { t, b, candidates: batch, progress: alive });
}

/** Evaluates all sets of a run; on rank 0 with their calibration and the pixel baseline. */
export function evaluateAll(
  embedder: Embedder,
  { sets }: Tests,
  training: Config["train"],
): { sets: EmbeddedSet[]; evaluations: Evaluation[] } {
  const embedded = sets.map((set) => embedSet(embedder, set));
  const evaluations = embedded.map((set) => {
    const evaluation = evaluateSet(set, embedder.alive);
    if ((embedder.comm ?? alone).rank > 0) return evaluation;
    const measured = calibrationOf(embedder, set, training);
    const calibrated = { ...evaluation, ...(measured ? { calibration: measured } : {}) };
    const { pictures, known, trainedLanguages } = set.test;
    if (known.length === 0) return calibrated;
    const scores = pixelNeighbours(pictures, known);
    // Pixels have no language: as with one text for each image.
    const { owner } = inLanguages(set, trainedLanguages?.slice(0, 1));
    return { ...calibrated, pixels: retrievalOfScores(scores, owner, KS).recall };
  });
  return { sets: embedded, evaluations };
}

type Direction = "textToImage" | "imageToText";

const at = (recall: readonly Recall[], direction: Direction): Record<string, number> =>
  Object.fromEntries(recall.map((row) => [`r${row.k}`, row[direction]]));

const languageJson = ({ language, name, script, trained, recall }: LanguageRow): object => ({
  language,
  name,
  script,
  trained,
  textToImage: at(recall, "textToImage"),
  imageToText: at(recall, "imageToText"),
});

/** An evaluation as `siglip eval --json` prints it: fractions from 0 to 1. */
export const evaluationJson = ({
  name,
  title,
  images,
  texts,
  recall,
  chance,
  before,
  pixels,
  languages,
  calibration,
}: Evaluation): object => ({
  name,
  title,
  textToImage: at(recall, "textToImage"),
  imageToText: at(recall, "imageToText"),
  texts,
  images,
  chance: at(chance, "textToImage"),
  ...(before ? { before: { textToImage: at(before, "textToImage"), imageToText: at(before, "imageToText") } } : {}),
  ...(pixels ? { pixels: at(pixels, "imageToText") } : {}),
  ...(languages ? { languages: languages.map(languageJson) } : {}),
  ...(calibration ? { calibration } : {}),
});

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`.padStart(9);

/** R@1 by language, and its means. */
function languageRows(languages: readonly LanguageRow[]): string[] {
  const row = (name: string, script: string, [{ textToImage, imageToText }]: readonly Recall[]) =>
    `  ${name.padEnd(26)}${percent(textToImage)}${percent(imageToText)}   ${script}`;
  const means = languageMeans(languages);
  return [
    "",
    `  ${"R@1 by language".padEnd(26)}${"t → p".padStart(9)}${"p → t".padStart(9)}`,
    ...languages.map(({ language, name, script, trained, recall }) =>
      row(`${language.padEnd(8)} ${name}`, `${script}${trained ? "" : ", never trained on"}`, recall),
    ),
    ...means.map(({ name, languages: count, recall }) => row(`mean of ${count}`, name, recall)),
  ];
}

/** Fewer test pictures than this make recall coarse, which the table says. */
const FEW_IMAGES = 50;

/** The table printed at the end of a run. */
export function evaluationTable(evaluations: readonly Evaluation[]): string {
  const row = (name: string, recall: readonly Recall[], direction: Direction) =>
    `  ${name.padEnd(26)}${recall.map((r) => percent(r[direction])).join("")}`;
  return evaluations
    .map(({ title, images, texts, recall, before, chance, pixels, languages }) =>
      [
        `${title}: ${images} pictures, ${texts} texts${languages ? ` in ${languages.length} languages; means over those of training` : ""}${images < FEW_IMAGES ? `; one picture is ${percent(1 / images).trim()}` : ""}`,
        `  ${"".padEnd(26)}${recall.map(({ k }) => `R@${k}`.padStart(9)).join("")}`,
        row("text → picture", recall, "textToImage"),
        row("picture → text", recall, "imageToText"),
        ...(before ? [row("text → picture before", before, "textToImage")] : []),
        ...(before ? [row("picture → text before", before, "imageToText")] : []),
        ...(pixels ? [row("picture → text by pixels", pixels, "imageToText")] : []),
        row("chance", chance, "textToImage"),
        ...(languages ? languageRows(languages) : []),
      ].join("\n"),
    )
    .join("\n\n");
}
