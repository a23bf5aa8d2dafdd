/** The figures of a report with their captions, for one run or for several, also as separate SVG files. */
import { format } from "d3-format";
import { showTick } from "./axis.ts";
import { type Chart, lineChart } from "./chart.ts";
import type { Point } from "./curve.ts";
import type { EvaluationRow, MetricRow, ReportData, RunCurves } from "./data.ts";
import { heatmap } from "./heatmap.ts";
import { html, type Markup } from "./markup.ts";
import { reliabilityChart } from "./reliability.ts";
import { figureStyle } from "./style.ts";
import { percent } from "./tables.ts";

const MARGIN = 14; // around a standalone figure

/** A quantity of a run by step. */
interface Quantity {
  readonly name: string;
  points(run: RunCurves): Point[];
  /** The edges of a band around it. */
  band?(run: RunCurves): Point[][];
}

/** A figure; with one run a curve for each quantity, with several a chart for each quantity. */
interface Figure extends Pick<Chart, "name" | "title" | "y" | "range" | "smoothed" | "showValue"> {
  readonly quantities: readonly Quantity[];
  /** Explains how to read the figure. */
  readonly caption: string;
  /** Text in place of the last value. */
  headline?(run: RunCurves): string;
  /** A dashed line, in the report of one run. */
  reference?(run: RunCurves): { value: number; label: string } | undefined;
  /** Explains that line, after the caption. */
  readonly referenceCaption?: string;
}

/** A chart and its explanation. */
export interface CaptionedChart {
  readonly chart: Chart;
  readonly caption: string;
}

const column =
  (key: keyof MetricRow) =>
  ({ metrics }: RunCurves): Point[] =>
    metrics.map((row) => [row.step, row[key] ?? Number.NaN]);

const evaluated =
  (share: (row: EvaluationRow) => number | undefined) =>
  ({ evaluations }: RunCurves): Point[] =>
    evaluations.map((row) => [row.step, 100 * (share(row) ?? Number.NaN)]);

/** A quantity that has the name of its figure. */
const only = (points: Quantity["points"]): Quantity[] => [{ name: "", points }];

const loss: Figure = {
  name: "loss",
  title: "Loss",
  quantities: only(column("loss")),
  y: "log",
  smoothed: true,
  reference: ({ blindLoss }) =>
    blindLoss === undefined ? undefined : { value: blindLoss, label: `blind guess ${blindLoss.toFixed(2)}` },
  showValue: (value) => value.toFixed(3),
  caption:
    "How wrong the model is about a batch: which pairs match, or which classes its pictures belong to. Training lowers it. Faint: logged " +
    "steps; strong: smoothed.",
  referenceCaption: "Dashed: the best loss without looking at the pictures; below it, the model tells them apart.",
};

const recall: Figure = {
  name: "recall",
  title: "Recall at 1, in %",
  quantities: (["textToImage", "imageToText"] as const).map((direction) => ({
    name: direction === "textToImage" ? "text → picture" : "picture → text",
    points: evaluated(({ recall }) => recall?.find(({ k }) => k === 1)?.[direction]),
  })),
  y: "linear",
  smoothed: false,
  showValue: (value) => percent(value / 100),
  caption:
    "How often the right one ranks first on the test set, measured during training. This, more than the loss, shows how good the model is.",
};

const accuracy: Figure = {
  name: "accuracy",
  title: "Accuracy, in %",
  quantities: [
    { name: "batch", points: (run) => column("accuracy")(run).map(([step, share]): Point => [step, 100 * share]) },
    { name: "test", points: evaluated((row) => row.accuracy) },
  ],
  y: "linear",
  smoothed: false,
  showValue: (value) => percent(value / 100),
  caption:
    "How often the class with the highest logit is the right one: on the pictures of the batch, and on the first test set. The gap " +
    "is what the classifier knows of these pictures alone.",
};

const samples: Figure = {
  name: "train-test",
  title: "Training and test pictures, R@1 in %",
  quantities: [
    { name: "training", points: evaluated(({ sample }) => sample?.train) },
    { name: "test", points: evaluated(({ sample }) => sample?.test) },
  ],
  y: "linear",
  smoothed: false,
  showValue: (value) => percent(value / 100),
  caption:
    "How often the right picture ranks first for a text, in a sample of the training pictures and in one of as many test pictures. " +
    "The gap is what the model has learned of these pictures alone; if it widens while the test stands still, more steps will not help.",
};

const temperature: Figure = {
  name: "temperature",
  title: "Temperature t",
  quantities: only(column("t")),
  y: "linear",
  smoothed: false,
  showValue: format(".2f"),
  caption:
    "How strongly similarity turns into confidence: the logit of a pair is t·x·y + b, and x·y lies between −1 and 1. " +
    "A growing t means that the model grows more confident.",
};

const bias: Figure = {
  ...temperature,
  name: "bias",
  title: "Bias b",
  quantities: only((run) => (run.usesBias ? column("b")(run) : [])),
  caption:
    "The logit of a pair with similarity 0. Of the texts in a batch one matches a picture, " +
    "so b is negative: the answer is no unless the similarity is high.",
};

const learningRate: Figure = {
  name: "learning-rate",
  title: "Learning rate",
  quantities: only(column("learningRate")),
  y: "linear",
  smoothed: false,
  showValue: format(".3~g"),
  headline({ metrics }) {
    const peak = metrics.reduce((most, { learningRate = 0 }) => Math.max(most, learningRate), 0);
    return `peak ${showTick(Number(peak.toPrecision(2)))}`;
  },
  caption:
    "The size of a step: it rises while the optimizer gathers its statistics (warm-up) and falls so that training settles.",
};

const gradientNorm: Figure = {
  name: "gradient-norm",
  title: "Gradient norm",
  quantities: only(column("gradNorm")),
  y: "log",
  smoothed: true,
  showValue: format(".2~f"),
  caption:
    "Length of the gradient over all parameters, before clipping. A spike is an unusual batch; " +
    "a steady rise means that the learning rate is too high.",
};

const clipped: Figure = {
  name: "clipped",
  title: "Clipped steps, in %",
  quantities: only((run) => column("clipped")(run).map(([step, share]): Point => [step, 100 * share])),
  y: "linear",
  range: [0, 100],
  smoothed: true,
  showValue: (value) => `${value.toFixed(0)} %`,
  caption:
    "Steps whose gradient was longer than optim.clipNorm and was scaled down to it. At 100 % the length of the gradient never " +
    "counts, only its direction.",
};

const updateNorm: Figure = {
  name: "update-norm",
  title: "Update norm",
  quantities: [
    { name: "pictures", points: column("updateNorm.image") },
    { name: "texts", points: column("updateNorm.text") },
  ],
  y: "linear",
  smoothed: true,
  showValue: format(".2~g"),
  caption:
    "Length of the change that the optimizer makes in a step, in each tower. It follows the learning rate; one that stays far " +
    "behind the other means that its tower hardly learns.",
};

const logits: Figure = {
  name: "logits",
  title: "Logits",
  quantities: (["positives", "negatives"] as const).map((name) => ({
    name,
    points: column(`${name}.mean`),
    band: (run) => [column(`${name}.min`)(run), column(`${name}.max`)(run)],
  })),
  y: "linear",
  smoothed: false,
  showValue: format(".1f"),
  caption:
    "Of the pairs of a batch, those that belong together (positives) and all others: mean, and from the least to the greatest. " +
    "With a loss that gives probabilities, the answer is yes above 0. As the model learns, the two part; where the bands overlap, " +
    "some wrong pair has a higher logit than some right one.",
};

const embeddingNorms: Figure = {
  name: "embedding-norms",
  title: "Length of embeddings",
  quantities: [
    { name: "pictures", points: column("embeddingNorm.image") },
    { name: "texts", points: column("embeddingNorm.text") },
  ],
  y: "linear",
  smoothed: false,
  showValue: format(".2~f"),
  caption:
    "Mean over a batch, before embeddings are scaled to length 1. The loss does not depend on it, but the steps do: " +
    "the longer the embeddings, the less an update turns them.",
};

const speed: Figure = {
  name: "speed",
  title: "Pairs a second",
  quantities: only(({ batch, times }) =>
    times.flatMap(({ step, seconds, isFirst }, i): Point[] => {
      const before = times[i - 1];
      return isFirst || !before || seconds <= before.seconds
        ? []
        : [[step, (batch * (step - before.step)) / (seconds - before.seconds)]];
    }),
  ),
  y: "linear",
  smoothed: true,
  range: [0],
  showValue: format(",.0f"),
  caption: "How fast the training was. Dips are evaluations and saves, or other programs on this machine.",
};

const figures = [
  ...[loss, recall, accuracy, samples, temperature, bias, learningRate, gradientNorm, clipped],
  ...[updateNorm, logits, embeddingNorms, speed],
];

const referenceOf = (reference: Chart["reference"]) => (reference ? { reference } : {});

/** The charts of one run, in order: a curve for each quantity. */
export const chartsOf = (run: RunCurves): CaptionedChart[] =>
  figures.map(({ quantities, caption, reference, referenceCaption, headline, ...figure }) => ({
    caption: referenceCaption === undefined ? caption : `${caption} ${referenceCaption}`,
    chart: {
      ...figure,
      series: quantities.map(({ name, points, band }) => ({
        name,
        run: 0,
        points: points(run),
        ...(band ? { band: band(run) } : {}),
      })),
      ...referenceOf(reference?.(run)),
      ...(headline ? { headline: headline(run) } : {}),
    },
  }));

/** The charts of several runs: one for each quantity, with a curve for each run. */
export const comparedCharts = (runs: readonly RunCurves[]): CaptionedChart[] =>
  figures.flatMap(({ quantities, caption, reference: _, referenceCaption: __, headline: ___, ...figure }) =>
    quantities.map(({ name, points }, i) => ({
      caption: i === 0 ? caption : "",
      chart: {
        ...figure,
        name: quantities.length > 1 ? `${figure.name}-${i}` : figure.name,
        title: name === "" ? figure.title : `${figure.title}: ${name}`,
        series: runs.map((run, index) => ({ name: run.name, run: index, points: points(run) })),
        headline: "",
      },
    })),
  );

/** Every figure that has data, as an SVG file by name: `loss.svg`, `recall.svg`, ..., `calibration.svg`, `similarity.svg`. */
export function figureFiles(data: ReportData): Map<string, string> {
  const files = new Map<string, string>();
  const add = (name: string, svg: Markup | undefined) => {
    if (svg) files.set(`${name}.svg`, standalone(svg));
  };
  for (const { chart } of chartsOf(data)) add(chart.name, lineChart(chart));
  add("calibration", reliabilityChart(data.calibration));
  add("similarity", heatmap(data));
  return files;
}

/** The drawing with its own style, a margin and a size, for viewers that do not derive it from the view box. */
function standalone(svg: Markup): string {
  const style = html`<style>${figureStyle}svg{background:var(--card)}</style>`;
  return svg.text
    .replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ')
    .replace(/viewBox="0 0 (\S+) (\S+)"/, (_, width, height) => {
      const [w, h] = [Number(width) + 2 * MARGIN, Number(height) + 2 * MARGIN];
      return `viewBox="${-MARGIN} ${-MARGIN} ${w} ${h}" width="${w}" height="${h}"`;
    })
    .replace("</title>", () => `</title>${style.text}`);
}
