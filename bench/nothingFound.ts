/**
 * How often a photo search is right that something, or nothing, matches: `node bench/nothingFound.ts RUN`.
 *
 * For each test set of an emoji run and each of five seeds: 200 names, the pictures of half of which are left out of the index. Right
 * is an answer for a name whose picture is there, and none for one whose picture is not; both halves count alike. The rule of the
 * search (photos/background.ts) is compared with the probability of the model, both at ½, and with the threshold of the score that
 * is best for these very labels, which nobody knows beforehand.
 */
import "../src/engine.ts";
import { backgroundOf } from "../src/photos/background.ts";
import { embedPictures, embedTexts, type OpenModel, openModel, openTests, type TestSet } from "../src/run/index.ts";
import { Rng } from "../src/tensor/index.ts";

const [QUERIES, SEEDS] = [200, 5];

interface Answer {
  readonly isThere: boolean;
  readonly score: number;
  /** Probability by the rule, and by the model alone. */
  readonly rule: number;
  readonly model: number;
}

/** Share of right answers, mean of the two halves, if an answer is given from `least` on. */
function accuracy(answers: readonly Answer[], value: (answer: Answer) => number, least: number): number {
  const share = (isThere: boolean): number => {
    const half = answers.filter((answer) => answer.isThere === isThere);
    return half.filter((answer) => value(answer) >= least === isThere).length / half.length;
  };
  return (share(true) + share(false)) / 2;
}

/** The answers for the queries of a seed in an index of at most `size` pictures. */
function answersOf(
  { pictures }: TestSet,
  zimg: Float32Array,
  ztxt: Float32Array,
  { t, b }: OpenModel,
  seed: number,
  size: number,
) {
  const { texts, owner, count } = pictures;
  const d = zimg.length / count;
  const rng = new Rng(seed).split("nothingFound");
  const queries = Array.from(rng.split("queries").permutation(texts.length).subarray(0, QUERIES));
  const leftOut = new Set(queries.slice(QUERIES / 2).map((j) => owner[j]));
  return queries.map((j, k): Answer => {
    const isThere = k < QUERIES / 2;
    const order = Array.from(rng.split(`index ${k}`).permutation(count));
    const others = order.filter((i) => i !== owner[j] && !leftOut.has(i));
    const indexed = isThere ? [owner[j], ...others].slice(0, size) : others.slice(0, size);
    const scores = Float64Array.from(indexed, (i) => {
      let sum = 0;
      for (let c = 0; c < d; c++) sum += zimg[i * d + c] * ztxt[j * d + c];
      return sum;
    });
    const score = scores.reduce((x, y) => Math.max(x, y));
    const rule = backgroundOf(scores, scores.length, t, b).probability(score);
    return { isThere, score, rule, model: 1 / (1 + Math.exp(-(t * score + b))) };
  });
}

const percent = (shares: readonly number[]): string =>
  `${((100 * shares.reduce((x, y) => x + y, 0)) / shares.length).toFixed(1)} %`.padStart(8);

const warn = (message: string): void => void process.stderr.write(`${message}\n`);
const opened = openModel(process.argv[2], warn);
for (const testStyle of ["noto", "openmoji", "emojione"]) {
  const { run } = opened;
  if (run?.data.name !== "emoji") throw new TypeError("usage: node bench/nothingFound.ts RUN, a run of --preset emoji");
  const { sets } = await openTests(
    { ...run, data: { ...run.data, testStyle, secondTestStyle: "none" } } as typeof run,
    { warn },
  );
  const [set] = sets;
  const zimg = embedPictures(opened, set.pictures);
  const ztxt = embedTexts(opened, opened.tokenizer, set.pictures.texts, opened.textLength);
  for (const size of [100, 1000]) {
    const bySeed = Array.from({ length: SEEDS }, (_, seed) => answersOf(set, zimg, ztxt, opened, seed, size));
    const best = bySeed.map((all) => Math.max(...all.map(({ score }) => accuracy(all, (each) => each.score, score))));
    const rule = bySeed.map((all) => accuracy(all, (each) => each.rule, 0.5));
    const model = bySeed.map((all) => accuracy(all, (each) => each.model, 0.5));
    const columns = [
      ["rule", rule],
      ["model", model],
      ["best threshold", best],
    ] as const;
    const shown = columns.map(([name, shares]) => `${name} ${percent(shares)}`).join("   ");
    process.stdout.write(`${testStyle.padEnd(9)}${String(size).padStart(5)} pictures   ${shown}\n`);
  }
}
