/** The parts of the training's view: figures, curves, the square. */
import { ITEMS, NAMES } from "../batch/batch.ts";
import { lineChart } from "../chart.ts";
import { fixed, html, precise } from "../dom.ts";
import { type Cell, heatMap } from "../heat.ts";
import { UNSEEN } from "../search.ts";
import type { Progress } from "./state.ts";

/** Steps of a training; `recipe.ts` has the same, with all of the engine. */
const STEPS = 1200;

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
