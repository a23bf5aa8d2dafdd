/** What the report shows of a model: results, a sample of pairs, a sheet of queries. Plain data, so that a device can send it. */
import { type Neighbour, nearest } from "../eval/index.ts";
import type { Candidate, Picture, SheetQuery } from "../report/index.ts";
import type { SigLip } from "../siglip/index.ts";
import { Rng } from "../tensor/index.ts";
import type { Config } from "./config.ts";
import type { EmbeddedSet, Evaluation } from "./evaluation.ts";
import { languageMeans } from "./languageTable.ts";
import { lossOf } from "./model.ts";
import type { ProbeResult } from "./probe.ts";
import type { TaskSnapshot } from "./task.ts";

const SAMPLED = 16; // pairs in the similarity matrix
const QUERIES = 10;
const SHOWN = 5; // pictures per query

/** What is known of a model of pairs. */
export interface Evaluated {
  readonly config: Config;
  readonly model: SigLip;
  /** The first test set. */
  readonly set: EmbeddedSet;
  /** Of the first test set, and of others if they were evaluated. */
  readonly evaluations: readonly Evaluation[];
  readonly probe?: ProbeResult;
}

/** The snapshot of a model. The run's seed chooses the sample, which is therefore the same at every step. */
export function snapshotOf({ config, model, set, evaluations, probe }: Evaluated): TaskSnapshot {
  const { pictures } = set.test;
  const rng = new Rng(config.train.seed).split("report");
  const picture = (i: number): Picture => ({ side: pictures.side, rgb: pictures.rgb(i) });
  const texts = ofDistinctPictures(rng.split("pairs").permutation(pictures.texts.length), pictures.owner);
  const [{ languages, calibration }] = evaluations;
  const queries = Array.from(rng.split("queries").permutation(pictures.texts.length).subarray(0, QUERIES));
  return {
    results: evaluations.map(resultsOf),
    ...(languages ? { languages: { rows: languages, means: languageMeans(languages) } } : {}),
    ...(calibration ? { calibration } : {}),
    ...(probe ? { probe } : {}),
    sample: {
      names: texts.map((j) => pictures.texts[j]),
      ...(pictures.languages ? { languages: texts.map((j) => pictures.languages![j]) } : {}),
      pictures: texts.map((j) => picture(pictures.owner[j])),
      scores: texts.flatMap((j) => texts.map((i) => dot(set, j, pictures.owner[i]))),
    },
    t: Math.exp(model.tPrime.value.item()),
    ...(lossOf(config).usesBias ? { b: model.b.value.item() } : {}),
    sheet: queries.map((j) => sheetRow(set, j, picture)),
  };
}

/** The table of an evaluation in a report. */
export const resultsOf = ({ title, images, texts, recall, before, chance, pixels, languages }: Evaluation) => ({
  title: languages ? `${title}, mean over the languages of training` : title,
  images,
  texts,
  rows: [
    { name: "this model", recall },
    ...(before ? [{ name: "before this training", recall: before }] : []),
    ...(pixels ? [{ name: "nearest neighbour on trimmed pixels", recall: pixels, only: "imageToText" as const }] : []),
    { name: "chance", recall: chance },
  ],
});

/** The first texts of an order, of each picture at most one: in several languages a picture has several. */
function ofDistinctPictures(order: ArrayLike<number>, owner: ArrayLike<number>): number[] {
  const byPicture = new Map<number, number>();
  for (const j of Array.from(order)) if (!byPicture.has(owner[j])) byPicture.set(owner[j], j);
  return [...byPicture.values()].slice(0, SAMPLED);
}

/** x·y of text j and picture i. */
function dot({ test, zimg, ztxt }: EmbeddedSet, j: number, i: number): number {
  const d = ztxt.length / test.pictures.texts.length;
  let sum = 0;
  for (let k = 0; k < d; k++) sum += ztxt[j * d + k] * zimg[i * d + k];
  return sum;
}

function sheetRow(set: EmbeddedSet, j: number, picture: (i: number) => Picture): SheetQuery {
  const { names, owner, texts, languages } = set.test.pictures;
  const d = set.ztxt.length / texts.length;
  const ranking = nearest(set.ztxt.subarray(j * d, (j + 1) * d), set.zimg, names.length);
  const candidate = ({ index, score }: Neighbour): Candidate => ({
    name: names[index],
    picture: picture(index),
    score,
    right: index === owner[j],
  });
  const rank = ranking.findIndex(({ index }) => index === owner[j]);
  return {
    text: texts[j],
    ...(languages ? { language: languages[j] } : {}),
    top: ranking.slice(0, SHOWN).map(candidate),
    expected: candidate(ranking[rank]),
    rank: rank + 1,
  };
}
