/** The parts of the training's view: figures, curves, the square, the search. */
import { loadAtlas } from "../atlas/load.ts";
import { ITEMS, NAMES } from "../batch/batch.ts";
import { lineChart } from "../chart.ts";
import { fixed, html, precise } from "../dom.ts";
import { type Cell, heatMap, pictureUrl } from "../heat.ts";
import type { Found } from "./messages.ts";
import type { Progress } from "./state.ts";

/** Steps of a training; `recipe.ts` has the same, with all of the engine. */
const STEPS = 1200;
/** The style that training never sees. */
const UNSEEN = 3;

const percent = (share: number): string => `${fixed(share, 1)} %`;

/** The figures of the last step. */
export function tilesOf() {
  const tile = (name: string, test: string): [HTMLElement, HTMLElement] => {
    const value = html("dd", { "data-test": test });
    return [html("div", {}, html("dt", {}, name), value), value];
  };
  const tiles = {
    steps: tile("step", "train-steps"),
    loss: tile("loss", "train-loss"),
    t: tile("t", "train-t"),
    b: tile("b", "train-b"),
    recall: tile("picture → text R@1", "train-recall"),
    pixels: tile("the same by pixels", "train-pixels"),
  };
  return {
    element: html("dl", { class: "tiles" }, ...Object.values(tiles).map(([element]) => element)),
    draw({ step, losses, ts, bs, imageToText }: Progress, byPixels: number): void {
      const last = (points: Progress["losses"], show: (value: number) => string): string => {
        const point = points.at(-1);
        return point ? show(point[1]) : "–";
      };
      tiles.steps[1].textContent = `${step} / ${STEPS}`;
      tiles.loss[1].textContent = last(losses, precise);
      tiles.t[1].textContent = last(ts, fixed);
      tiles.b[1].textContent = last(bs, fixed);
      tiles.recall[1].textContent = last(imageToText, percent);
      tiles.pixels[1].textContent = percent(100 * byPixels);
    },
  };
}

/** Loss, t and b, recall over the steps. */
export function chartsOf(byPixels: number) {
  const loss = lineChart({
    title: "Loss",
    steps: STEPS,
    range: [0.5, 500],
    log: true,
    ticks: [1, 10, 100],
    lines: ["of each step"],
    show: precise,
  });
  const knobs = lineChart({
    title: "Temperature and bias",
    steps: STEPS,
    range: [-15, 25],
    ticks: [-10, 0, 10, 20],
    lines: ["t", "b"],
    show: fixed,
  });
  const recall = lineChart({ title: "R@1 on the unseen style", steps: STEPS, range: [0, 60], ticks: [0, 20, 40, 60], lines: ["picture → text", "text → picture"], show: percent, reference: { value: 100 * byPixels, name: "by pixels" } }); // biome-ignore format: a chart a line
  return {
    element: html("div", { class: "charts" }, loss.element, knobs.element, recall.element),
    draw({ losses, ts, bs, imageToText, textToImage }: Progress): void {
      loss.draw([losses]);
      knobs.draw([ts, bs]);
      recall.draw([imageToText, textToImage]);
    },
  };
}

/** The similarities of some emoji of the unseen style. */
export function squareView() {
  const map = heatMap({
    label: "Similarities, texts as rows and pictures of the unseen style as columns",
    test: "train-square",
    items: ITEMS,
    names: NAMES,
    style: UNSEEN,
  });
  const text = html("p", { class: "note", "aria-live": "polite" });
  let at = { row: 0, column: 0 };
  let last: Float32Array | undefined;
  const draw = (similarities: Float32Array | undefined): void => {
    const n = NAMES.length;
    const cells = Array.from({ length: n * n }, (_, k): Cell => ({ strength: similarities?.[k] ?? 0, matches: k % (n + 1) === 0 })); // biome-ignore format: a line
    map.draw(cells, at);
    last = similarities;
  };
  map.onChoose = (row, column) => {
    at = { row, column };
    const similarity = last?.[row * NAMES.length + column];
    text.textContent = `“${NAMES[row]}” and the picture of “${NAMES[column]}”: ${similarity === undefined ? "not yet known" : `similarity ${fixed(similarity)}`}`;
    draw(last);
  };
  return { element: html("div", {}, map.element, text), draw };
}

/** Words, and the pictures that they find. */
export function searchOf(onSearch: (words: string) => void) {
  const input = html("input", {
    type: "search",
    maxlength: 100,
    placeholder: "brown bear",
    "data-test": "search-input",
  });
  const results = html("ol", { class: "results", "aria-live": "polite" });
  input.addEventListener("input", () => onSearch(input.value.trim().toLowerCase()));
  let shown = "";
  const draw = (words: string, found: readonly Found[]): void => {
    if (document.activeElement !== input) input.value = words;
    const now = words === "" ? [] : found;
    const key = JSON.stringify(now);
    if (key === shown) return;
    shown = key;
    void loadAtlas().then((atlas) => {
      results.replaceChildren(
        ...now.map(({ item, probability }) => {
          const name = atlas.names[item];
          const picture = html("img", { src: pictureUrl(atlas, UNSEEN, item), alt: "", width: 48, height: 48, class: "pixels" });
          return html("li", { "data-test": "search-result" }, picture, html("span", {}, name), html("span", { class: "note" }, `p = ${precise(probability)}`));
        }),
      ); // biome-ignore format: a result a line
    });
  };
  const element = html("div", { class: "search" }, html("label", { class: "choice" }, "words", input), results);
  return { element, draw };
}
