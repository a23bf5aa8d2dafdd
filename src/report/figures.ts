/** Which figures a report has, what each says, and each as an SVG file of its own. */
import { type Chart, lineChart } from "./chart.ts";
import type { Point } from "./curve.ts";
import { blindLoss, type MetricRow, type ReportData } from "./data.ts";
import { heatmap } from "./heatmap.ts";
import { html, type Markup } from "./markup.ts";
import { showTick } from "./scale.ts";
import { figureStyle } from "./style.ts";
import { percent } from "./tables.ts";

const MARGIN = 14; // around a figure that stands alone

export interface Figure {
  /** File name without its ending. */
  readonly name: string;
  readonly chart: Chart;
  /** What one sees and how to read it. */
  readonly caption: string;
}

const column = (rows: readonly MetricRow[], key: keyof MetricRow): Point[] =>
  rows.map((row) => [row.step, row[key] ?? Number.NaN]);

const steps = { xLabel: "step", x: "linear", y: "linear", smoothed: true } as const;

export function lossFigure({ metrics, loss, batch }: ReportData): Figure {
  const blind = blindLoss(loss, batch);
  return {
    name: "loss",
    chart: {
      ...steps,
      title: "Loss",
      x: "log",
      series: [{ name: "loss", points: column(metrics, "loss") }],
      reference: { value: blind, label: `blind guess ${blind.toFixed(2)}` },
      showValue: (value) => value.toFixed(3),
    },
    caption:
      "What training lowers: how wrong the model is about which pairs of a batch match. Faint: the steps that were logged; strong: smoothed. " +
      "Dashed: the best that can be done without looking at the pair; below it, pictures and texts are told apart.",
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
    caption: `How often the right one${among} comes first on the test set, measured while training. This, not the loss, is what the model is for.`,
  };
}

/** How many of the logged gradients were longer than the configuration allows. */
function clipped({ metrics, clipNorm }: ReportData): string {
  const norms = metrics.flatMap(({ gradNorm }) => gradNorm ?? []);
  if (norms.length === 0) return "";
  const share = norms.filter((norm) => norm > clipNorm).length / norms.length;
  return ` Gradients longer than optim.clipNorm = ${clipNorm} were shortened to it: ${percent(share)} of the logged steps.`;
}

function metricFigures(data: ReportData): Figure[] {
  const { metrics, batch, loss } = data;
  const curve = (title: string, key: keyof MetricRow) => ({
    ...steps,
    smoothed: false,
    title,
    series: [{ name: title, points: column(metrics, key) }],
    showValue: (value: number) => value.toFixed(2).replace("-", "−"),
  });
  const temperature = {
    name: "temperature",
    chart: curve("Temperature t", "t"),
    caption:
      "How strongly similarity turns into confidence: the logit of a pair is t·x·y + b, and x·y lies between −1 and 1. " +
      "A growing t means that the model has grown surer.",
  };
  const bias = {
    name: "bias",
    chart: curve("Bias b", "b"),
    caption:
      `The logit of a pair with similarity 0. Of ${batch.toLocaleString("en")} texts in a batch one matches a picture, ` +
      "so b is negative: the answer is no unless the similarity speaks for a match.",
  };
  const gradient: Figure = {
    name: "gradient-norm",
    chart: { ...curve("Gradient norm", "gradNorm"), y: "log", smoothed: true },
    caption:
      `Length of the gradient over all parameters, before clipping.${clipped(data)} A spike is a batch that surprised the model; ` +
      "a steady rise says that the learning rate is too high.",
  };
  const rates = metrics.flatMap(({ learningRate }) => learningRate ?? []);
  const peak = rates.reduce((most, rate) => Math.max(most, rate), 0);
  const rate: Figure = {
    name: "learning-rate",
    chart: { ...curve("Learning rate", "learningRate"), headline: `peak ${showTick(peak)}` },
    caption:
      "How far a step goes: it rises while the optimizer gathers its statistics (warm-up) and falls so that the end settles.",
  };
  return [temperature, ...(loss === "sigmoid" ? [bias] : []), gradient, rate];
}

export const allFigures = (data: ReportData): Figure[] => [
  lossFigure(data),
  recallFigure(data),
  ...metricFigures(data),
];

/** Every figure that has something to show as a file: `loss.svg`, `recall.svg`, ..., `similarity.svg`. */
export function figureFiles(data: ReportData): Map<string, string> {
  const files = new Map<string, string>();
  const add = (name: string, svg: Markup | undefined) => {
    if (svg) files.set(`${name}.svg`, standalone(svg));
  };
  for (const { name, chart } of allFigures(data)) add(name, lineChart(chart));
  add("similarity", heatmap(data));
  return files;
}

/** The same drawing with its own style, a margin, and a size for readers that know only the view box. */
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
