/** The retrieval sheet: for each query text the highest-ranked pictures, the right one marked. */
import type { Candidate, ReportData } from "./data.ts";
import { html, inLanguage, type Markup } from "./markup.ts";
import { pngDataUri } from "./png.ts";

/** The sheet; undefined if there are no queries. */
export function retrievalSheet(data: ReportData): Markup | undefined {
  if (data.sheet.length === 0) return undefined;
  const measure = meter(data.probability);
  const rows = data.sheet.map(({ text, language, top, expected, rank }) => {
    const found = top.some((candidate) => candidate.right);
    const verdict = rank === 1 ? "right one first" : `right one at ${rank.toLocaleString("en")}`;
    const cards = top.map((candidate) =>
      candidate.right ? card(candidate, "right", "✓", measure) : card(candidate, "", undefined, measure),
    );
    if (!found) cards.push(card(expected, "missed", rank.toLocaleString("en"), measure));
    return html`<li class="query">
<p class="ask"><bdi${inLanguage(language)}>“${text}”</bdi> <span class="verdict ${found ? "hit" : ""}">${verdict}</span></p>
<ol class="cards">${cards}</ol>
</li>`;
  });
  return html`<ol class="sheet">${rows}</ol>`;
}

function card(
  { name, picture, score }: Candidate,
  kind: string,
  mark: string | undefined,
  measure: (score: number) => Markup,
): Markup {
  return html`<li class="card ${kind}" title="x·y = ${score.toFixed(3)}">
<img src="${pngDataUri(picture)}" width="64" height="64" alt="${name}">
${mark && html`<span class="mark">${mark}</span>`}<bdi class="name" title="${name}">${name}</bdi>${measure(score)}
</li>`;
}

/** A bar with its number if the loss gives probabilities, else the score. */
function meter(probability: ((score: number) => number) | undefined): (score: number) => Markup {
  if (!probability) return (score) => html`<span class="p">x·y = ${score.toFixed(3)}</span>`;
  return (score) => {
    const p = 100 * probability(score);
    const shown = p < 0.1 ? "< 0.1 %" : p > 99.9 ? "> 99.9 %" : `${p.toFixed(1)} %`;
    return html`<span class="bar"><span style="width:${p}%"></span></span><span class="p">${shown}</span>`;
  };
}
