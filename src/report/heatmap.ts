/**
 * The similarity matrix of a sample as SVG: texts are rows, pictures columns; a cell is stronger the higher x·y.
 *
 * The colour is one CSS variable at varying opacity, so it fits light and dark pages. A ring marks the best picture of a
 * text where that is a wrong one.
 */
import { extent } from "d3-array";
import { linearAxis } from "./axis.ts";
import { type ReportData, ReportError } from "./data.ts";
import { html, inLanguage, type Markup } from "./markup.ts";
import { pngDataUri } from "./png.ts";

const LONGEST = 180; // pixels, for a line of a name
const NARROW = { pairs: 8, longest: 130 }; // on a narrow screen
const GAP = 2;
const LINE = 14; // height of a line

/** The matrix; undefined for an empty sample. Throws `ReportError` if the numbers of names, pictures and scores disagree. */
export function heatmap(data: ReportData): Markup | undefined {
  const { names, pictures, scores } = data.sample;
  const n = names.length;
  if (n === 0) return undefined;
  if (pictures.length !== n || scores.length !== n * n) {
    throw new ReportError(
      `heatmap: ${n} names, ${pictures.length} pictures and ${scores.length} scores; expected ${n}, ${n} and ${n * n}`,
    );
  }
  return drawing(data, LONGEST);
}

/** The matrix of the first pairs alone, which a narrow screen shows in its place. */
export function smallHeatmap(data: ReportData): Markup | undefined {
  const { names, pictures, scores } = data.sample;
  const n = names.length;
  if (n <= NARROW.pairs) return undefined;
  const few = names.slice(0, NARROW.pairs);
  const block = few.flatMap((_, i) => few.map((_, j) => scores[i * n + j]));
  const sample = { ...data.sample, names: few, pictures: pictures.slice(0, NARROW.pairs), scores: block };
  return drawing({ ...data, sample }, NARROW.longest);
}

function drawing(data: ReportData, longest: number): Markup {
  const { t = Number.NaN, b = 0, probability } = data;
  const { names, languages, pictures, scores } = data.sample;
  const n = names.length;
  const cell = n <= 16 ? 30 : n <= 24 ? 24 : 18;
  const [low = 0, high = 0] = extent(Array.from(scores));
  const strength = linearAxis([low, high], [0, 1]).at;
  const labels = names.map((name) => wrapped(name, longest));
  const labelWidth = 14 + Math.max(76, ...labels.map((label) => label.width)); // 76: "similarity x·y"
  const width = labelWidth + n * cell + 14; // 14: half a number of the legend overhangs
  const height = cell + n * cell + 54;

  const cells: Markup[] = [];
  for (let i = 0; i < n; i++) {
    let best = 0;
    for (let j = 1; j < n; j++) if (scores[i * n + j] > scores[i * n + best]) best = j;
    for (let j = 0; j < n; j++) {
      const score = scores[i * n + j];
      const p = probability ? `, probability ${(100 * probability(score)).toFixed(1)} %` : "";
      const tip = `“${names[i]}” with the picture of “${names[j]}”: x·y = ${score.toFixed(3)}${p}`;
      const left = labelWidth + j * cell;
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
    (picture, j) =>
      html`<image href="${pngDataUri(picture)}" x="${labelWidth + j * cell + GAP / 2}" y="0" width="${cell - GAP - 1}" height="${cell - GAP - 1}"><title>${names[j]}</title></image>`,
  );
  const rows = names.map((name, i) => {
    const { lines } = labels[i];
    const top = (i + 1) * cell + cell / 2 + 4 - (lines.length - 1) * (LINE / 2);
    return html`<text text-anchor="end"${inLanguage(languages?.[i])}>${lines.map(
      (line, k) => html`<tspan x="${labelWidth - 8}" y="${top + k * LINE}">${line}</tspan>`,
    )}<title>${name}</title></text>`;
  });
  return html`<svg class="matrix" viewBox="0 0 ${width} ${height}" style="max-width:${width * 1.2}px" role="img" aria-label="Similarity of ${n} texts with ${n} pictures"><title>Similarity of texts (rows) with pictures (columns)</title>
${heads}
${rows}
${cells}
${legend(low, high, labelWidth, (n + 1) * cell + 16, n * cell, probability && -b / t)}
</svg>`;
}

/** The colour scale, with a mark at `yes`, where the answer turns to yes. */
function legend(low: number, high: number, left: number, top: number, width: number, yes: number | undefined): Markup {
  const steps = 32;
  const { at, ticks, label } = linearAxis([low, high], [left, left + width]);
  const bars = Array.from(
    { length: steps },
    (_, i) =>
      html`<rect class="heat" x="${left + (i * width) / steps}" y="${top}" width="${width / steps}" height="10" fill-opacity="${i / (steps - 1)}"/>`,
  );
  const numbers = ticks.map(
    (tick) => html`<text x="${at(tick)}" y="${top + 26}" text-anchor="middle">${label(tick)}</text>`,
  );
  const mark =
    yes !== undefined && yes > low && yes < high
      ? html`<path class="mark" d="M${at(yes)} ${top - 4}v18"><title>probability one half</title></path>`
      : undefined;
  return html`<text x="${left - 8}" y="${top + 10}" text-anchor="end">similarity x·y</text>${bars}${mark}${numbers}`;
}

/** A name in one line or two, cut to their room, and its width at 13 pixels, estimated since no browser is there to measure it. */
function wrapped(name: string, longest: number): { lines: string[]; width: number } {
  if (widthOf(name) <= longest) return { lines: [name], width: widthOf(name) };
  const words = name.split(/(?<= )/);
  let first = "";
  while (words.length > 1 && widthOf(first + words[0]) <= longest) first += words.shift();
  const rest = words.join("");
  const lines = (first === "" ? [rest] : [first.trimEnd(), rest]).map((line) => cut(line, longest));
  return { lines, width: Math.max(...lines.map(widthOf)) };
}

/** A line without its middle, if it is too long: names often differ at the end. */
function cut(line: string, longest: number): string {
  if (widthOf(line) <= longest) return line;
  const graphemes = Array.from(new Intl.Segmenter().segment(line), ({ segment }) => segment);
  const [head, tail] = [graphemes.slice(0, graphemes.length / 2), graphemes.slice(graphemes.length / 2)];
  while (widthOf([...head, "…", ...tail].join("")) > longest && head.length > 1) {
    head.pop();
    tail.shift();
  }
  return [...head, "…", ...tail].join("");
}

const widthOf = (text: string): number =>
  Array.from(new Intl.Segmenter().segment(text)).reduce((sum, { segment }) => {
    if (segment >= "\u2e80") return sum + 13; // East Asian characters and emoji
    return sum + (segment >= "\u0370" ? 8.5 : 6.8); // Latin letters are narrower than those of other alphabets
  }, 0);
