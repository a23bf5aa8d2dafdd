/**
 * The similarity matrix of a sample as SVG: a text a row, a picture a column, a cell the brighter the higher x·y.
 *
 * The colour is one CSS variable at a varying opacity, so it fits a light and a dark page. A ring marks the best picture of
 * a text where that is not its own.
 */
import { pairProbability, type ReportData, ReportError } from "./data.ts";
import { html, type Markup } from "./markup.ts";
import { pngDataUri } from "./png.ts";
import { linearTicks, showTick } from "./scale.ts";

const LABEL = 158; // width of the names
const CHARACTERS = 22; // of a name that fit there
const GAP = 2;

/** The matrix; `undefined` for an empty sample. Throws `ReportError` when numbers of names, pictures and scores differ. */
export function heatmap(data: ReportData): Markup | undefined {
  const { names, pictures, scores } = data.sample;
  const probability = pairProbability(data);
  const n = names.length;
  if (n === 0) return undefined;
  if (pictures.length !== n || scores.length !== n * n) {
    throw new ReportError(
      `heatmap: ${n} names, ${pictures.length} pictures and ${scores.length} scores; expected ${n}, ${n} and ${n * n}`,
    );
  }
  const cell = n <= 16 ? 30 : n <= 24 ? 24 : 18;
  const [low, high] = range(scores);
  const strength = (score: number) => Math.max(0, Math.min(1, (score - low) / (high - low)));
  const width = LABEL + n * cell;
  const height = cell + n * cell + 54;

  const cells: Markup[] = [];
  for (let i = 0; i < n; i++) {
    let best = 0;
    for (let j = 1; j < n; j++) if (scores[i * n + j] > scores[i * n + best]) best = j;
    for (let j = 0; j < n; j++) {
      const score = scores[i * n + j];
      const p = probability ? `, probability ${(100 * probability(score)).toFixed(1)} %` : "";
      const tip = `“${names[i]}” with the picture of “${names[j]}”: x·y = ${score.toFixed(3)}${p}`;
      const left = LABEL + j * cell;
      const top = (i + 1) * cell;
      cells.push(
        html`<rect class="heat" x="${left}" y="${top}" width="${cell - 1}" height="${cell - 1}" fill-opacity="${strength(score)}"><title>${tip}</title></rect>`,
      );
      if (j === best && best !== i) {
        cells.push(
          html`<circle class="ring" cx="${left + cell / 2 - 0.5}" cy="${top + cell / 2 - 0.5}" r="${cell / 4}"/>`,
        );
      }
    }
  }
  const heads = pictures.map(
    ({ rgb, side }, j) =>
      html`<image href="${pngDataUri(rgb, side)}" x="${LABEL + j * cell + GAP / 2}" y="0" width="${cell - GAP - 1}" height="${cell - GAP - 1}"><title>${names[j]}</title></image>`,
  );
  const labels = names.map(
    (name, i) =>
      html`<text x="${LABEL - 8}" y="${(i + 1) * cell + cell / 2 + 4}" text-anchor="end">${shorten(name)}<title>${name}</title></text>`,
  );
  return html`<svg class="matrix" viewBox="0 0 ${width} ${height}" style="max-width:${width * 1.2}px;min-width:${width * 0.8}px" role="img" aria-label="Similarity of ${n} texts with ${n} pictures"><title>Similarity of texts (rows) with pictures (columns)</title>
${heads}
${labels}
${cells}
${legend(low, high, LABEL, (n + 1) * cell + 16, n * cell)}
</svg>`;
}

/** Least and greatest score; a constant matrix gets room. */
function range(scores: ArrayLike<number>): [number, number] {
  const values = Array.from(scores);
  const low = Math.min(...values);
  const high = Math.max(...values);
  return low < high ? [low, high] : [low - 1, high];
}

function legend(low: number, high: number, left: number, top: number, width: number): Markup {
  const steps = 32;
  const at = (score: number) => left + ((score - low) / (high - low)) * width;
  const bars = Array.from(
    { length: steps },
    (_, i) =>
      html`<rect class="heat" x="${left + (i * width) / steps}" y="${top}" width="${width / steps}" height="10" fill-opacity="${i / (steps - 1)}"/>`,
  );
  const ticks = linearTicks(low, high, 5).map(
    (tick) => html`<text x="${at(tick)}" y="${top + 24}" text-anchor="middle">${showTick(tick)}</text>`,
  );
  return html`<text x="${left - 8}" y="${top + 9}" text-anchor="end">similarity x·y</text>${bars}${ticks}`;
}

function shorten(name: string): string {
  const characters = [...name];
  return characters.length <= CHARACTERS ? name : `${characters.slice(0, CHARACTERS - 1).join("")}…`;
}
