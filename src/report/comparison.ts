/** Several runs beside each other as one HTML file: results, the keys in which they differ, their curves in the same charts. */
import type { ComparedRun, ComparisonData } from "./data.ts";
import { comparedCharts } from "./figures.ts";
import { html, type Markup } from "./markup.ts";
import { chartSection, type PageScript, page } from "./page.ts";
import { factTable, percent } from "./tables.ts";

/** The comparison as HTML, with `script` or without any. */
export function renderComparison(data: ComparisonData, script?: PageScript): string {
  const { runs } = data;
  const isRunning = false; // whoever compares writes this page; no training renews it
  return page(
    `siglip-ts: ${runs.length} runs`,
    isRunning,
    script,
    html`<h1>${runs.length} runs</h1>
${atTheEnd(runs)}
${warnings(runs)}
${differences(data)}
${chartSection(comparedCharts(runs), runs, script)}
${facts(runs)}`,
  );
}

/** The mark of a run in charts. */
const swatch = (index: number): Markup =>
  html`<svg class="swatch" viewBox="0 0 18 8" aria-hidden="true"><path class="line s${index}" d="M1 4h16"/></svg>`;

const runNames = (runs: readonly ComparedRun[]): Markup[] =>
  runs.map(({ name }, i) => html`<th scope="col" class="first">${swatch(i)} <bdi>${name}</bdi></th>`);

/** A table with a column for each run; rows in which all are alike may be left out before. */
const table = (
  runs: readonly ComparedRun[],
  corner: string,
  rows: readonly (readonly [name: string, values: readonly string[]])[],
): Markup =>
  html`<div class="scroll table"><table class="results runs">
<thead><tr><th scope="col">${corner}</th>${runNames(runs)}</tr></thead>
<tbody>${rows.map(([name, values]) => html`<tr><th scope="row">${name}</th>${values.map((value) => html`<td class="first">${value}</td>`)}</tr>`)}</tbody></table></div>`;

/** The last figures of each run. */
function atTheEnd(runs: readonly ComparedRun[]): Markup {
  const recall = ({ evaluations }: ComparedRun, of: "textToImage" | "imageToText") => {
    const last = evaluations.at(-1);
    const share = last?.recall?.find(({ k }) => k === 1)?.[of];
    return share === undefined ? "–" : percent(share);
  };
  const last = ({ metrics }: ComparedRun) => metrics.at(-1);
  const number = (value: number | undefined, digits: number) =>
    value === undefined || !Number.isFinite(value)
      ? "–"
      : value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });
  const of = (show: (run: ComparedRun) => string) => runs.map(show);
  return html`<section><h2>Results</h2>
<p class="how">R@1 on the first test set is how often the right one ranks first. Each figure is the newest of its run.</p>
${table(runs, "figure", [
  ["text → picture, R@1", of((run) => recall(run, "textToImage"))],
  ["picture → text, R@1", of((run) => recall(run, "imageToText"))],
  ["measured after step", of(({ evaluations }) => number(evaluations.at(-1)?.step, 0))],
  ["loss", of((run) => number(last(run)?.loss, 3))],
  ["steps", of((run) => number(last(run)?.step, 0))],
  ["GFLOP", of((run) => number(last(run)?.gflop, 0))],
  ["state", of(({ status }) => status.text)],
])}</section>`;
}

function warnings(runs: readonly ComparedRun[]): Markup | undefined {
  const warned = runs.filter(({ warnings }) => warnings.length > 0);
  if (warned.length === 0) return undefined;
  return html`<section class="warnings"><h2>Warnings</h2><ul>${warned.map(({ name, warnings }) =>
    warnings.map((warning) => html`<li><bdi>${name}</bdi>: ${warning}</li>`),
  )}</ul></section>`;
}

function differences({ runs, differences }: ComparisonData): Markup {
  const how =
    differences.length === 0
      ? "All keys are equal."
      : "The keys of the configuration in which the runs differ; all others are equal.";
  return html`<section><h2>Differences</h2><p class="how">${how}</p>
${
  differences.length > 0 &&
  table(
    runs,
    "key",
    differences.map(({ key, values }) => [key, values] as const),
  )
}</section>`;
}

const facts = (runs: readonly ComparedRun[]): Markup =>
  html`<section><h2>The runs</h2>${runs.map(
    ({ name, facts }, i) => html`<h3>${swatch(i)} <bdi>${name}</bdi></h3>${factTable(facts)}`,
  )}</section>`;
