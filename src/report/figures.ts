/** The figures of a report with their captions, also as separate SVG files. */
import { format } from "d3-format";
import { showTick } from "./axis.ts";
import { type Chart, lineChart } from "./chart.ts";
import type { Point } from "./curve.ts";
import type { MetricRow, ReportData } from "./data.ts";
import { heatmap } from "./heatmap.ts";
import { html, type Markup } from "./markup.ts";
import { reliabilityChart } from "./reliability.ts";
import { figureStyle } from "./style.ts";
import { percent } from "./tables.ts";

const MARGIN = 14; // around a standalone figure

export interface Figure {
  /** File name without extension. */
  readonly name: string;
  readonly chart: Chart;
  /** Explains how to read the figure. */
  readonly caption: string;
}

const column = (rows: readonly MetricRow[], key: keyof MetricRow): Point[] =>
  rows.map((row) => [row.step, row[key] ?? Number.NaN]);

const steps = { xLabel: "step", x: "linear", y: "linear", smoothed: true } as const;

export function lossFigure({ metrics, blindLoss, accuracies }: ReportData): Figure {
  const about = accuracies
    ? "How wrong the model is about the classes of a batch; training lowers it."
    : "How wrong the model is about which pairs of a batch match; training lowers it.";
  const below = accuracies
    ? "picture; below it, the model distinguishes pictures."
    : "pair; below it, the model distinguishes pictures and texts.";
  return {
    name: "loss",
    chart: {
      ...steps,
      title: "Loss",
      x: "log",
      series: [{ name: "loss", points: column(metrics, "loss") }],
      reference: { value: blindLoss, label: `blind guess ${blindLoss.toFixed(2)}` },
      showValue: (value) => value.toFixed(3),
    },
    caption: `${about} Faint: logged steps; strong: smoothed. Dashed: the best loss without looking at the ${below}`,
  };
}

function recallFigure({ evaluations, results }: ReportData): Figure {
  const points = (of: "textToImage" | "imageToText"): Point[] =>
    evaluations.flatMap(({ step, recall }) => recall.filter((r) => r.k === 1).map((r): Point => [step, 100 * r[of]]));
  const among = results[0] ? ` among ${results[0].images.toLocaleString("en")}` : "";
  return {
    name: "recall",
    chart: {
      ...steps,
      smoothed: false,
      title: "Recall at 1, in %",
      series: [
        { name: "text → picture", points: points("textToImage") },
        { name: "picture → text", points: points("imageToText") },
      ],
      showValue: (value) => percent(value / 100),
    },
    caption: `How often the right one${among} ranks first on the test set, measured during training. This, more than the loss, shows how good the model is.`,
  };
}

function accuracyFigure({ metrics }: ReportData): Figure {
  const share = (key: "accuracy" | "testAccuracy"): Point[] =>
    metrics.map((row) => [row.step, 100 * (row[key] ?? Number.NaN)]);
  return {
    name: "accuracy",
    chart: {
      ...steps,
      smoothed: false,
      title: "Accuracy, in %",
      series: [
        { name: "batch", points: share("accuracy") },
        { name: "test set", points: share("testAccuracy") },
      ],
      showValue: (value) => percent(value / 100),
    },
    caption:
      "How often the class with the highest logit is the right one: on the pictures of the batch, and on the test set.",
  };
}

/** A sentence with the share of logged gradients that were clipped. */
function clipped({ metrics, clipNorm }: ReportData): string {
  const norms = metrics.flatMap(({ gradNorm }) => gradNorm ?? []);
  if (norms.length === 0) return "";
  const share = norms.filter((norm) => norm > clipNorm).length / norms.length;
  return ` Gradients longer than optim.clipNorm = ${clipNorm} were scaled down to it: ${percent(share)} of the logged steps.`;
}

function metricFigures(data: ReportData): Figure[] {
  const { metrics, batch, b } = data;
  const curve = (title: string, key: keyof MetricRow) => ({
    ...steps,
    smoothed: false,
    title,
    series: [{ name: title, points: column(metrics, key) }],
    showValue: format(".2f"),
  });
  const temperature = {
    name: "temperature",
    chart: curve("Temperature t", "t"),
    caption:
      "How strongly similarity turns into confidence: the logit of a pair is t·x·y + b, and x·y lies between −1 and 1. " +
      "A growing t means that the model grows more confident.",
  };
  const bias = {
    name: "bias",
    chart: curve("Bias b", "b"),
    caption:
      `The logit of a pair with similarity 0. One of ${batch.toLocaleString("en")} texts in a batch matches a picture, ` +
      "so b is negative: the answer is no unless the similarity is high.",
  };
  const gradient: Figure = {
    name: "gradient-norm",
    chart: { ...curve("Gradient norm", "gradNorm"), y: "log", smoothed: true },
    caption:
      `Length of the gradient over all parameters, before clipping.${clipped(data)} A spike is an unusual batch; ` +
      "a steady rise means that the learning rate is too high.",
  };
  const rates = metrics.flatMap(({ learningRate }) => learningRate ?? []);
  const peak = rates.reduce((most, rate) => Math.max(most, rate), 0);
  const rate: Figure = {
    name: "learning-rate",
    chart: { ...curve("Learning rate", "learningRate"), headline: `peak ${showTick(peak)}` },
    caption:
      "The size of a step: it rises while the optimizer gathers its statistics (warm-up) and falls so that training settles.",
  };
  return [temperature, ...(b === undefined ? [] : [bias]), rate, gradient];
}

function updateFigure({ metrics, accuracies }: ReportData): Figure {
  return {
    name: "update-norm",
    chart: {
      ...steps,
      title: "Update norm",
      series: [
        { name: "pictures", points: column(metrics, "updateNorm.image") },
        { name: "texts", points: column(metrics, "updateNorm.text") },
      ],
      showValue: format(".2~g"),
    },
    caption: accuracies
      ? "Length of the change that the optimizer makes in a step, in the image tower. It follows the learning rate."
      : "Length of the change that the optimizer makes in a step, in each tower. It follows the learning rate; one that stays far " +
        "behind the other means that its tower hardly learns.",
  };
}

function logitFigure({ metrics, probability }: ReportData): Figure {
  const series = (name: "positives" | "negatives") => ({
    name,
    points: column(metrics, `${name}.mean`),
    band: [column(metrics, `${name}.min`), column(metrics, `${name}.max`)],
  });
  return {
    name: "logits",
    chart: {
      ...steps,
      smoothed: false,
      title: "Logits",
      series: [series("positives"), series("negatives")],
      showValue: format(".1f"),
    },
    caption:
      "Of the pairs of a batch, those that belong together (positives) and all others: mean, and from the least to the greatest. " +
      `${probability ? "Above 0 the answer is yes. " : ""}As the model learns, the two part; where the bands overlap, some wrong ` +
      "pair has a higher logit than some right one.",
  };
}

function lengthFigure({ metrics }: ReportData): Figure {
  return {
    name: "embedding-norms",
    chart: {
      ...steps,
      smoothed: false,
      title: "Length of embeddings",
      series: [
        { name: "pictures", points: column(metrics, "embeddingNorm.image") },
        { name: "texts", points: column(metrics, "embeddingNorm.text") },
      ],
      showValue: format(".2~f"),
    },
    caption:
      "Mean over a batch, before embeddings are scaled to length 1. The loss does not depend on it, but the steps do: " +
      "the longer the embeddings, the less an update turns them.",
  };
}

/** All figures of a report, in order. */
export const allFigures = (data: ReportData): Figure[] => [
  lossFigure(data),
  recallFigure(data),
  accuracyFigure(data),
  ...metricFigures(data),
  updateFigure(data),
  logitFigure(data),
  lengthFigure(data),
];

/** Every figure that has data, as an SVG file by name: `loss.svg`, `recall.svg`, ..., `calibration.svg`, `similarity.svg`. */
export function figureFiles(data: ReportData): Map<string, string> {
  const files = new Map<string, string>();
  const add = (name: string, svg: Markup | undefined) => {
    if (svg) files.set(`${name}.svg`, standalone(svg));
  };
  for (const { name, chart } of allFigures(data)) add(name, lineChart(chart));
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
