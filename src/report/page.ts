/**
 * The report of a run as one HTML file that opens from disk: no script, no server, no network.
 *
 * A content security policy forbids scripts and all external content.
 */
import { format } from "d3-format";
import { lineChart } from "./chart.ts";
import type { ReportData } from "./data.ts";
import { allFigures, type Figure, lossFigure } from "./figures.ts";
import { heatmap } from "./heatmap.ts";
import { languageTable } from "./languages.ts";
import { html, Markup } from "./markup.ts";
import { reliabilityChart } from "./reliability.ts";
import { retrievalSheet } from "./sheet.ts";
import { pageStyle } from "./style.ts";
import { accuracyTable, factTable, percent, probeTable, resultTable } from "./tables.ts";

/** The report as HTML. Throws `ReportError` if the data is inconsistent. */
export function renderReport(data: ReportData): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${data.title}</title>
<style>${new Markup(pageStyle)}</style>
</head>
<body><main>
<h1><bdi>${data.title}</bdi></h1>
<p class="lead">${data.lead}
${data.lossSummary}</p>
${tiles(data)}
${results(data)}
${accuracies(data)}
${languages(data)}
${curves(data)}
${similarity(data)}
${sheet(data)}
${probabilities(data)}
${fewShot(data)}
${run(data)}
</main></body>
</html>
`.text;
}

function tiles(data: ReportData): Markup {
  const tile = (name: string, big: string, small: string) =>
    html`<div><dt>${name}</dt><dd class="big">${big}</dd><dd class="small">${small}</dd></div>`;
  const out: Markup[] = [];
  const table = data.results[0];
  const best = table?.rows[0]?.recall[0];
  if (table && best) {
    const rest = table.rows.slice(1).map(({ name, recall }) => [name, recall[0]] as const);
    const beside = (of: "textToImage" | "imageToText") =>
      rest.map(([name, r]) => `${name} ${percent(r[of])}`).join(" · ");
    out.push(tile(`Text → picture, R@${best.k}`, percent(best.textToImage), beside("textToImage")));
    out.push(tile(`Picture → text, R@${best.k}`, percent(best.imageToText), beside("imageToText")));
  }
  const [first] = data.accuracies ?? [];
  if (first) {
    const beside = `most frequent class ${percent(first.mostFrequent)} · chance ${percent(1 / first.classes)}`;
    out.push(tile("Accuracy", percent(first.accuracy), beside));
  }
  const { chart } = lossFigure(data);
  const loss = data.metrics.findLast((row) => !Number.isNaN(row.loss))?.loss; // rows of a test have none
  if (loss !== undefined && Number.isFinite(loss)) {
    out.push(
      tile("Loss at the end", chart.showValue(loss), `of ${chart.reference?.value.toFixed(2)} for a blind guess`),
    );
  }
  const last = data.metrics.at(-1);
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

function results({ results }: ReportData): Markup | undefined {
  if (results.length === 0) return undefined;
  return html`<section><h2>Results</h2>
<p class="how">R@k is how often the right one is among the first k: for a text its picture, for a picture any of its texts.
Compare with the other rows: chance, and where it applies the comparison of pixels.</p>
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

function curves(data: ReportData): Markup | undefined {
  const draw = ({ chart, caption }: Figure) => {
    const svg = lineChart(chart);
    return svg && html`<figure>${svg}<figcaption>${caption}</figcaption></figure>`;
  };
  const drawn = allFigures(data)
    .map(draw)
    .filter((figure) => figure !== undefined);
  if (drawn.length === 0) return undefined;
  return html`<section><h2>Training</h2><div class="charts">${drawn}</div></section>`;
}

function similarity(data: ReportData): Markup | undefined {
  const svg = heatmap(data);
  if (!svg) return undefined;
  return html`<section><h2>Which text matches which picture</h2>
<figure class="similarity"><div class="scroll">${svg}</div><figcaption>
<p>Rows are texts, columns pictures; text i belongs to picture i. The stronger a cell, the more similar the two are to the model.</p>
<p>The diagonal, where each text meets its own picture, should be strong. Other strong cells are pairs that the model confuses, or that have something in common.</p>
<p>A ring marks the best picture of a text where that is a wrong one.</p>
<p>${data.probability ? `${threshold(data)} ` : ""}Point at a cell for its numbers.</p>
</figcaption></figure></section>`;
}

/** σ(t·x·y + b) = ½ at x·y = −b/t. */
const threshold = ({ t = Number.NaN, b = 0 }: ReportData): string =>
  `With t = ${t.toFixed(1)} and b = ${format(".2f")(b)} the model answers yes, σ(t·x·y + b) > ½, above a similarity of −b/t = ${format(".3f")(-b / t)}, marked on the scale.`;

function sheet(data: ReportData): Markup | undefined {
  const rows = retrievalSheet(data);
  return (
    rows &&
    html`<section><h2>Retrieval</h2>
<p class="how">Each text with the most similar pictures of the test set, the best first. The right one is framed and ticked;
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

function run({ facts, versions, config }: ReportData): Markup {
  return html`<section><h2>The run</h2>
${factTable(facts)}
<h3>Versions</h3>
${factTable(versions)}
<details><summary>Configuration</summary><pre>${JSON.stringify(config, null, 2)}</pre></details></section>`;
}
