/** The tables of a report: results beside their baselines, and the facts of the run. */
import { type AccuracyTable, type ProbeTable, ReportError, type ResultTable } from "./data.ts";
import { html, type Markup } from "./markup.ts";

/** `22.6 %`; two decimals below 1 %, for chance. */
export function percent(share: number): string {
  const value = 100 * share;
  return `${value.toFixed(value > 0 && value < 1 ? 2 : 1)} %`;
}

/** Recall at k of the model and its baselines, in both directions. Throws `ReportError` if rows differ in their k. */
export function resultTable({ title, images, texts, rows }: ResultTable): Markup {
  const ks = rows[0]?.recall.map((r) => r.k) ?? [];
  for (const { name, recall } of rows) {
    const own = recall.map((r) => r.k);
    if (own.join() !== ks.join())
      throw new ReportError(`resultTable: row "${name}" has recall at ${own}, but the first row at ${ks}`);
  }
  const direction = (of: "textToImage" | "imageToText", { recall, only }: ResultTable["rows"][number]) =>
    recall.map((r, i) => {
      const figure = only === undefined || only === of ? percent(r[of]) : "–";
      return html`<td class="${i === 0 ? "first" : ""}">${figure}</td>`;
    });
  return html`<div class="scroll table"><table class="results">
<caption><bdi>${title}</bdi>: ${images.toLocaleString("en")} pictures, ${texts.toLocaleString("en")} texts</caption>
<thead><tr><th rowspan="2" scope="col">retrieval by</th><th colspan="${ks.length}" scope="colgroup" class="first">text → picture</th><th colspan="${ks.length}" scope="colgroup" class="first">picture → text</th></tr>
<tr>${[0, 1].map(() => ks.map((k, i) => html`<th scope="col" class="${i === 0 ? "first" : ""}">R@${k}</th>`))}</tr></thead>
<tbody>${rows.map(
    (row) =>
      html`<tr><th scope="row"><bdi>${row.name}</bdi></th>${direction("textToImage", row)}${direction("imageToText", row)}</tr>`,
  )}</tbody></table></div>`;
}

/** Accuracy of the few-shot probe by shots, beside chance. */
export function probeTable({ title, classes, images, model }: ProbeTable): Markup {
  const row = (name: string, shares: readonly number[]) =>
    html`<tr><th scope="row">${name}</th>${shares.map((share, i) => html`<td class="${i === 0 ? "first" : ""}">${percent(share)}</td>`)}</tr>`;
  return html`<div class="scroll table"><table class="results">
<caption><bdi>${title}</bdi>: ${classes.length} classes, ${images.toLocaleString("en")} pictures</caption>
<thead><tr><th scope="col">pictures per class</th>${model.map(({ shots }, i) => html`<th scope="col" class="${i === 0 ? "first" : ""}">${shots}</th>`)}</tr></thead>
<tbody>${row(
    "image tower",
    model.map(({ accuracy }) => accuracy.mean),
  )}${row(
    "chance",
    model.map(() => 1 / classes.length),
  )}</tbody></table></div>`;
}

/** Accuracy of a classifier beside its baselines. */
export function accuracyTable({ title, classes, images, accuracy, mostFrequent }: AccuracyTable): Markup {
  const row = (name: string, share: number) =>
    html`<tr><th scope="row">${name}</th><td class="first">${percent(share)}</td></tr>`;
  return html`<div class="scroll table"><table class="results">
<caption><bdi>${title}</bdi>: ${classes} classes, ${images.toLocaleString("en")} pictures</caption>
<thead><tr><th scope="col">classified by</th><th scope="col" class="first">accuracy</th></tr></thead>
<tbody>${row("this model", accuracy)}${row("most frequent class", mostFrequent)}${row("chance", 1 / classes)}</tbody></table></div>`;
}

export function factTable(facts: Readonly<Record<string, string>>): Markup {
  return html`<dl class="facts">${Object.entries(facts).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}
