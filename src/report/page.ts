/**
 * The report of a run as one HTML file that opens from disk: no server, no network. It can be read without scripts; its own script
 * (browser.js) shows values under the pointer, draws curves on other axes, and renews the page of a running training.
 *
 * A content security policy forbids any other script, which it knows by the hash, and all external content.
 */
import { format } from "d3-format";
import { type Chart, lineChart } from "./chart.ts";
import type { BatchRow, ReportData, RunCurves, RunStatus } from "./data.ts";
import { type CaptionedChart, chartsOf } from "./figures.ts";
import { heatmap, smallHeatmap } from "./heatmap.ts";
import { chartData } from "./interaction.ts";
import { languageTable } from "./languages.ts";
import { type Content, html, Markup } from "./markup.ts";
import { pngDataUri } from "./png.ts";
import { reliabilityChart } from "./reliability.ts";
import { retrievalSheet } from "./sheet.ts";
import { pageStyle } from "./style.ts";
import { accuracyTable, factTable, percent, probeTable, resultTable } from "./tables.ts";

/** The script of a page. */
export interface PageScript {
  readonly text: string;
  /** SHA-256 of the text in base64, as a content security policy names it. */
  readonly sha256: string;
}

const RENEW_SECONDS = 10; // between two looks at a running training

/** A page with a title and a style. While `isRunning`, it renews itself. */
export function page(title: string, isRunning: boolean, script: PageScript | undefined, body: Content): string {
  const allowed = script ? `; script-src 'sha256-${script.sha256}'` : "";
  return html`<!doctype html>
<html lang="en"${isRunning && html` data-renew="${RENEW_SECONDS}"`}>
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'${new Markup(allowed)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="siglip-ts">
${isRunning && renewal(script)}
<title>${title}</title>
<style>${new Markup(pageStyle)}</style>
</head>
<body><main>
${body}
</main>
${script && html`<script type="module">${new Markup(script.text)}</script>`}
</body>
</html>
`.text;
}

/** Renews the page where its script does not, which keeps what a reader has chosen. */
function renewal(script: PageScript | undefined): Markup {
  const refresh = html`<meta http-equiv="refresh" content="${RENEW_SECONDS}">`;
  return script ? html`<noscript>${refresh}</noscript>` : refresh;
}

/** The report of a run as HTML, with `script` or without any. Throws `ReportError` if the data is inconsistent. */
export function renderReport(data: ReportData, script?: PageScript): string {
  return page(
    `siglip-ts: ${data.name}`,
    data.status.isRunning,
    script,
    html`<h1><bdi>${data.name}</bdi></h1>
${statusLine(data.status)}
<p class="lead">${data.lead}
${data.lossSummary}</p>
${tiles(data)}
${warningList(data.warnings)}
${results(data)}
${accuracies(data)}
${languages(data)}
${chartSection(chartsOf(data), [data], script)}
${similarity(data)}
${sheet(data)}
${probabilities(data)}
${fewShot(data)}
${firstBatch(data.firstBatch)}
${run(data)}`,
  );
}

/** What the run is doing. */
const statusLine = ({ isRunning, text }: RunStatus): Markup =>
  html`<p class="status ${isRunning ? "running" : ""}">${text}</p>`;

/** Warnings as a list; nothing without any. */
const warningList = (warnings: readonly string[]): Markup | undefined =>
  warnings.length === 0
    ? undefined
    : html`<section class="warnings"><h2>Warnings</h2><ul>${warnings.map((warning) => html`<li>${warning}</li>`)}</ul></section>`;

function tiles(data: ReportData): Markup {
  const tile = (name: string, big: string, small: string) =>
    html`<div><dt>${name}</dt><dd class="big">${big}</dd><dd class="small">${small}</dd></div>`;
  const out: Markup[] = [];
  const table = data.results[0];
  const best = table?.rows[0]?.recall[0];
  if (table && best) {
    const rest = table.rows.slice(1);
    const beside = (of: "textToImage" | "imageToText") =>
      rest
        .filter(({ only }) => only === undefined || only === of)
        .map(({ name, recall }) => `${name} ${percent(recall[0][of])}`)
        .join(" · ");
    out.push(tile(`Text → picture, R@${best.k}`, percent(best.textToImage), beside("textToImage")));
    out.push(tile(`Picture → text, R@${best.k}`, percent(best.imageToText), beside("imageToText")));
  }
  const [first] = data.accuracies ?? [];
  if (first) {
    const beside = `most frequent class ${percent(first.mostFrequent)} · chance ${percent(1 / first.classes)}`;
    out.push(tile("Accuracy", percent(first.accuracy), beside));
  }
  const last = data.metrics.at(-1);
  if (last && Number.isFinite(last.loss)) {
    const name = data.status.isRunning ? "Loss now" : "Loss at the end";
    const blind = data.blindLoss === undefined ? "" : `of ${data.blindLoss.toFixed(2)} for a blind guess`;
    out.push(tile(name, last.loss.toFixed(3), blind));
  }
  if (last) {
    const pairs = last.step * data.batch;
    const seen = pairs.toLocaleString("en", {
      notation: pairs < 1e5 ? "standard" : "compact",
      maximumSignificantDigits: 3,
    });
    out.push(
      tile(
        data.accuracies ? "Pictures seen" : "Pairs seen",
        seen,
        `${last.step.toLocaleString("en")} steps of ${data.batch.toLocaleString("en")}`,
      ),
    );
  }
  return html`<dl class="tiles">${out}</dl>`;
}

function results({ results, step, status }: ReportData): Markup | undefined {
  if (results.length === 0) return undefined;
  const when = status.isRunning ? ` So far: after step ${step.toLocaleString("en")}.` : "";
  return html`<section><h2>Results</h2>
<p class="how">R@k is how often the right one is among the first k: for a text its picture, for a picture any of its texts.
Compare with the other rows: chance, and where it applies the comparison of pixels.${when}</p>
${results.map(resultTable)}</section>`;
}

function accuracies({ accuracies }: ReportData): Markup | undefined {
  if (accuracies === undefined) return undefined;
  return html`<section><h2>Results</h2>
<p class="how">Accuracy is how often the class with the highest logit is the right one. Compare with the other rows: always the most
frequent class of these pictures, and chance.</p>
${accuracies.map(accuracyTable)}</section>`;
}

function languages({ languages }: ReportData): Markup | undefined {
  const table = languageTable(languages);
  return (
    table &&
    html`<section><h2>Languages</h2>
<p class="how">Each language by itself, among all pictures: the upper bar is text → picture, the lower one picture → text. Means count
every language alike. ○, and bars without filling: training never saw this language.</p>
${table}</section>`
  );
}

/** The charts of one run or several, the choice of their axes, which needs the script, and the data for it. */
export function chartSection(
  charts: readonly CaptionedChart[],
  runs: readonly RunCurves[],
  script: PageScript | undefined,
): Markup | undefined {
  const draw = ({ chart, caption }: CaptionedChart) => {
    const svg = lineChart(chart);
    return svg && html`<figure>${svg}<figcaption>${caption}</figcaption></figure>`;
  };
  const drawn = charts.map(draw).filter((figure) => figure !== undefined);
  if (drawn.length === 0) return undefined;
  const all = charts.map(({ chart }): Chart => chart);
  return html`<section><h2>Training</h2>${script && axisChoice}<div class="charts">${drawn}</div>
${script && chartData(all, runs)}</section>`;
}

const axisChoice = html`<form class="axes" hidden>
<label>horizontal <select name="x"><option value="step">step</option><option value="gflop">GFLOP</option><option value="time">time</option></select></label>
<label><select name="xScale" aria-label="horizontal scale"><option value="linear">linear</option><option value="log">logarithmic</option></select></label>
<label>vertical <select name="yScale"><option value="">as it suits</option><option value="linear">linear</option><option value="log">logarithmic</option></select></label>
<span class="hint">Point at a chart for its values, or move through it with the arrow keys.</span>
</form>`;

function similarity(data: ReportData): Markup | undefined {
  const svg = heatmap(data);
  if (!svg) return undefined;
  const small = smallHeatmap(data);
  return html`<section><h2>Which text matches which picture</h2>
<figure class="similarity"><div class="${small && "wide"}">${svg}</div>${small && html`<div class="narrow">${small}</div>`}<figcaption>
<p>Pairs of the first test set, drawn at random by the seed of the run: the same after every step${atStep(data)}. Rows are texts, columns pictures; text i belongs to picture i. The stronger a cell, the more similar the two are to the model.</p>
<p>The diagonal, where each text meets its own picture, should be strong. Other strong cells are pairs that the model confuses, or that have something in common.</p>
<p>A ring marks the best picture of a text where that is a wrong one.</p>
<p>${data.probability && threshold(data)}</p>
</figcaption></figure></section>`;
}

/** Which model is shown, while another is in training. */
const atStep = ({ status, step }: ReportData): string =>
  status.isRunning ? `, now as they are after step ${step.toLocaleString("en")}` : "";

/** σ(t·x·y + b) = ½ at x·y = −b/t. */
const threshold = ({ t = Number.NaN, b = 0 }: ReportData): string =>
  `With t = ${t.toFixed(1)} and b = ${format(".2f")(b)} the model answers yes, σ(t·x·y + b) > ½, above a similarity of −b/t = ${format(".3f")(-b / t)}, marked on the scale.`;

function sheet(data: ReportData): Markup | undefined {
  const rows = retrievalSheet(data);
  return (
    rows &&
    html`<section><h2>Retrieval</h2>
<p class="how">Texts of the first test set, drawn at random by the seed of the run${atStep(data)}. Each with the most similar of all pictures, the best first. The right one is framed and ticked;
if it is not among them, it follows in a dashed frame. The pictures are shown as the model sees them.
${
  data.probability
    ? "The bar is σ(t·x·y + b), the probability that the pair matches. It was trained on the pairs of a batch, so among many more pictures several can come close to 1: only their order counts."
    : "The number is the similarity x·y."
}</p>
${rows}</section>`
  );
}

function probabilities({ calibration, batch }: ReportData): Markup | undefined {
  const svg = reliabilityChart(calibration);
  if (!svg) return undefined;
  const others = (batch - 1).toLocaleString("en");
  return html`<section><h2>Calibration</h2>
<div class="charts"><figure>${svg}<figcaption>Each dot stands for the pairs of the test set whose probability σ(t·x·y + b) lies in the same tenth:
how probable a match is to the model, and how many do match, counted as if each text met its own picture and ${others} others, as in
training. On the dashed line the model is right; below it, too confident. The error is the mean distance from the line, in units of
the number of matches: a model that always says no has 1.</figcaption></figure></div></section>`;
}

function fewShot({ probe, accuracies }: ReportData): Markup | undefined {
  if (!probe) return undefined;
  const seeds = probe.model[0]?.accuracy.seeds.length;
  return html`<section><h2>Few-shot probe</h2>
<p class="how">How often a linear classifier of the image tower's features is right that has learned from so many labelled pictures of
each class: ridge regression with λ = 1024, mean of ${seeds} draws of the pictures. It measures what the image tower knows, without
${accuracies ? "the classifier that it was trained with" : "the text tower"}.</p>
${probeTable(probe)}</section>`;
}

/** The first batch as a page of its own. */
export const renderFirstBatch = (rows: readonly BatchRow[]): string =>
  page("siglip-ts: the first batch", false, undefined, firstBatch(rows));

function firstBatch(rows: readonly BatchRow[]): Markup | undefined {
  if (rows.length === 0) return undefined;
  const images = ({ pictures }: BatchRow) =>
    pictures.map((picture) => html`<img src="${pngDataUri(picture)}" width="64" height="64" alt="">`);
  const pieces = ({ tokens }: BatchRow) => tokens.map((token) => html`<span>${token}</span>`);
  return html`<section><h2>The first batch</h2>
<p class="how">The first ${rows.length} rows of the first batch as the model sees them: pictures after all random changes, and texts cut into
tokens and to their length.</p>
<ul class="batch">${rows.map((row) => html`<li>${images(row)}<p class="tokens">${pieces(row)}</p></li>`)}</ul></section>`;
}

function run({ facts, versions, config }: ReportData): Markup {
  return html`<section><h2>The run</h2>
${factTable(facts)}
<h3>Versions</h3>
${factTable(versions)}
<details><summary>Configuration</summary><pre>${JSON.stringify(config, null, 2)}</pre></details></section>`;
}
