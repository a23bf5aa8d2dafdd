/** Zero-shot retrieval on a set of pictures and texts: the figures that a run is judged by, and the table for people. */
import { pixelNeighbours } from "../data/index.ts";
import { type Recall, type Retrieval, retrieval, retrievalOfScores } from "../eval/index.ts";
import type { SigLip } from "../siglip/index.ts";
import { embedPictures, embedTexts } from "./embed.ts";
import type { Task, TestSet } from "./task.ts";

export interface Evaluation extends Retrieval {
  readonly title: string;
  /** Nearest neighbour on trimmed pixels of the training styles, where there are such: picture → its item. */
  readonly pixels?: readonly Recall[];
}

/** A set as the model sees it; kept for search and for the report. */
export interface EmbeddedSet {
  readonly test: TestSet;
  readonly zimg: Float32Array; // [N, d]
  readonly ztxt: Float32Array; // [M, d]
}

export function embedSet(model: SigLip, task: Task, test: TestSet): EmbeddedSet {
  const { pixels, side, texts } = test.pictures;
  return {
    test,
    zimg: embedPictures(model, pixels, side),
    ztxt: embedTexts(model, task.tokenizer, texts, task.pairs.length),
  };
}

const KS = [1, 5, 10];

/** Recall at 1, 5 and 10 in both directions. */
export const evaluateSet = ({ test, zimg, ztxt }: EmbeddedSet): Evaluation => ({
  title: test.title,
  ...retrieval(zimg, ztxt, test.pictures.owner, KS),
});

/** All sets of a run; the first with the pixel baseline beside it. */
export function evaluateTask(model: SigLip, task: Task): { sets: EmbeddedSet[]; evaluations: Evaluation[] } {
  const sets = task.tests.map((test) => embedSet(model, task, test));
  const evaluations = sets.map((set, i) => {
    const evaluation = evaluateSet(set);
    if (i > 0 || task.known.length === 0) return evaluation;
    const { pictures } = set.test;
    const scores = pixelNeighbours(pictures, task.known);
    return { ...evaluation, pixels: retrievalOfScores(scores, pictures.owner, KS).recall };
  });
  return { sets, evaluations };
}

type Direction = "textToImage" | "imageToText";

const at = (recall: readonly Recall[], direction: Direction): Record<string, number> =>
  Object.fromEntries(recall.map((row) => [`r${row.k}`, row[direction]]));

/** Fractions in 0..1, as `siglip eval --json` prints them. */
export const evaluationJson = ({ title, images, texts, recall, chance, pixels }: Evaluation): object => ({
  title,
  textToImage: at(recall, "textToImage"),
  imageToText: at(recall, "imageToText"),
  texts,
  images,
  chance: at(chance, "textToImage"),
  ...(pixels ? { pixels: at(pixels, "imageToText") } : {}),
});

const percent = (x: number): string => `${(100 * x).toFixed(1)} %`.padStart(9);

/** The table that ends a run. */
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
        ...(pixels ? [row("nearest trimmed pixels", pixels, "imageToText")] : []),
        row("chance", chance, "textToImage"),
      ].join("\n"),
    )
    .join("\n\n");
}
