/** Zero-shot retrieval on a set of images and texts: the figures, and the table for people. */
import { pixelNeighbours } from "../data/index.ts";
import {
  type Calibration,
  calibration,
  type Recall,
  type Retrieval,
  retrieval,
  retrievalOfScores,
} from "../eval/index.ts";
import { alone, type Communicator } from "../parallel/index.ts";
import { type SigLip, trainingLosses } from "../siglip/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import type { Config } from "./config.ts";
import type { TestSet, Tests } from "./dataSet.ts";
import { embedPictures, embedTexts } from "./embed.ts";

/** Retrieval on one test set. */
export interface Evaluation extends Retrieval {
  readonly name: string;
  readonly title: string;
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
}

export function embedSet({ model, tokenizer, length, comm = alone }: Embedder, test: TestSet): EmbeddedSet {
  return {
    test,
    zimg: embedPictures(model, test.pictures, comm),
    ztxt: embedTexts(model, tokenizer, test.pictures.texts, length, comm),
  };
}

const KS = [1, 5, 10];

/** Recall at 1, 5 and 10 in both directions. */
export const evaluateSet = ({ test, zimg, ztxt }: EmbeddedSet): Evaluation => ({
  name: test.name,
  title: test.title,
  ...retrieval(zimg, ztxt, test.pictures.owner, KS),
});

/** How well the probabilities of a model are calibrated, in batches as in its training; undefined if it has none. */
function calibrationOf(
  { model }: Embedder,
  { test, zimg, ztxt }: EmbeddedSet,
  { loss, batch }: Config["train"],
): Calibration | undefined {
  const [t, b] = [Math.exp(model.tPrime.value.item()), model.b.value.item()];
  // A batch of one has no pair that does not match; a temperature may overflow after a training that diverged.
  if (trainingLosses[loss].probability === undefined || batch < 2 || !Number.isFinite(t)) return undefined;
  return calibration(zimg, ztxt, test.pictures.owner, { t, b, candidates: batch });
}

/** Evaluates all sets of a run; on rank 0 with their calibration and the pixel baseline. */
export function evaluateAll(
  embedder: Embedder,
  { sets }: Tests,
  training: Config["train"],
): { sets: EmbeddedSet[]; evaluations: Evaluation[] } {
  const embedded = sets.map((set) => embedSet(embedder, set));
  const evaluations = embedded.map((set) => {
    const evaluation = evaluateSet(set);
    if ((embedder.comm ?? alone).rank > 0) return evaluation;
    const measured = calibrationOf(embedder, set, training);
    const calibrated = { ...evaluation, ...(measured ? { calibration: measured } : {}) };
    const { pictures, known } = set.test;
    if (known.length === 0) return calibrated;
    const scores = pixelNeighbours(pictures, known);
    return { ...calibrated, pixels: retrievalOfScores(scores, pictures.owner, KS).recall };
  });
  return { sets: embedded, evaluations };
}

type Direction = "textToImage" | "imageToText";

const at = (recall: readonly Recall[], direction: Direction): Record<string, number> =>
  Object.fromEntries(recall.map((row) => [`r${row.k}`, row[direction]]));

/** An evaluation as `siglip eval --json` prints it: fractions from 0 to 1. */
export const evaluationJson = ({
  name,
  title,
  images,
  texts,
  recall,
  chance,
  pixels,
  calibration,
}: Evaluation): object => ({
  name,
  title,
  textToImage: at(recall, "textToImage"),
  imageToText: at(recall, "imageToText"),
  texts,
  images,
  chance: at(chance, "textToImage"),
  ...(pixels ? { pixels: at(pixels, "imageToText") } : {}),
  ...(calibration ? { calibration } : {}),
});

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`.padStart(9);

/** The table printed at the end of a run. */
export function evaluationTable(evaluations: readonly Evaluation[]): string {
  const row = (name: string, recall: readonly Recall[], direction: Direction) =>
    `  ${name.padEnd(26)}${recall.map((r) => percent(r[direction])).join("")}`;
  return evaluations
    .map(({ title, images, texts, recall, chance, pixels }) =>
      [
        `${title}: ${images} pictures, ${texts} texts`,
        `  ${"".padEnd(26)}${recall.map(({ k }) => `R@${k}`.padStart(9)).join("")}`,
        row("text → picture", recall, "textToImage"),
        row("picture → text", recall, "imageToText"),
        ...(pixels ? [row("picture → text by pixels", pixels, "imageToText")] : []),
        row("chance", chance, "textToImage"),
      ].join("\n"),
    )
    .join("\n\n");
}
