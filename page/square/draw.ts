import { ITEMS, NAMES, STAGES } from "../batch/batch.ts";
import { fixed, html, slider } from "../dom.ts";
import { type Cell, heatMap } from "../heat.ts";
import type { Square } from "../pairMath.ts";
import type { Link, Scene } from "../scene.ts";
import { UNSEEN } from "../search.ts";
import { squareTable } from "../squareTable.ts";
import { prediction } from "./predict.ts";
import { describe, parametersOf, RANGES, type SquareState, squareOf, stateOf, VIEWS, valuesOf } from "./state.ts";
import text from "./text.html?raw";

export const square: Scene = { id: "square", title: "The square", text, mount };

function mount(root: HTMLElement, link: Link): void {
  let state = stateOf(link.parameters);
  const change = (part: Partial<SquareState>): void => {
    state = { ...state, ...part };
    link.write(parametersOf(state));
    draw();
  };
  const map = heatMap({
    label: "Pairs of a batch, texts as rows and pictures as columns",
    test: "square-map",
    items: ITEMS,
    names: NAMES,
    style: UNSEEN,
  });
  map.onChoose = (row, column) => change({ row, column });
  const controls = controlsOf(change);
  const table = squareTable("square-table");
  root.append(prediction(), html("div", { class: "row" }, map.element, controls.element), table.element);

  function draw(): void {
    const now = squareOf(state);
    const values = valuesOf(now, state.view);
    const most = state.view === "probability" || state.view === "gradient" ? 1 : Math.max(1, ...values.map(Math.abs));
    map.draw(
      Array.from(values, (value, k): Cell => ({ strength: value / most, matches: now.labels[k] === 1 })),
      state,
    );
    controls.draw(state, now);
    table.draw(values, NAMES, state.view);
  }
  link.onChange = (parameters) => {
    state = stateOf(parameters);
    draw();
  };
  draw();
}

/** View, training, t and b beside the square, and its numbers in words. */
function controlsOf(change: (part: Partial<SquareState>) => void) {
  const view = html(
    "select",
    { "data-test": "square-view" },
    ...VIEWS.map((name) => html("option", { value: name }, name)),
  );
  view.addEventListener("change", () => change({ view: VIEWS[view.selectedIndex] }));
  const sliders = {
    stage: slider("training", "square-stage", RANGES.stage, (i) => `step ${STAGES[i].toLocaleString("en")}`, (stage) => change({ stage })),
    t: slider("temperature t", "square-t", RANGES.t, (v) => fixed(v, 0), (t) => change({ t })),
    b: slider("bias b", "square-b", RANGES.b, (v) => fixed(v, 1), (b) => change({ b })),
  }; // biome-ignore format: a slider a line
  const total = html("p", { class: "total", "data-test": "square-loss" });
  const cell = html("p", { class: "cell-text", "aria-live": "polite", "data-test": "square-cell" });
  const element = html(
    "div",
    {},
    html("label", { class: "choice" }, "each cell shows its ", view),
    sliders.stage.element,
    sliders.t.element,
    sliders.b.element,
    total,
    cell,
    html("p", { class: "note" }, "Blue is above 0, orange below; frames mark the pairs that match. In view “gradient” blue pushes a pair apart, orange pulls it together. Choose a cell by pointer or by arrow keys."),
  ); // biome-ignore format: the note is one text
  const draw = (state: SquareState, now: Square): void => {
    view.value = state.view;
    for (const key of ["stage", "t", "b"] as const) sliders[key].value = state[key];
    const onDiagonal = now.losses.reduce((sum, loss, k) => sum + (now.labels[k] === 1 ? loss : 0), 0) / now.n;
    total.textContent = `loss ${now.loss.toPrecision(4)} = ${onDiagonal.toPrecision(3)} of the ${now.n} positives + ${(now.loss - onDiagonal).toPrecision(3)} of the ${now.n * (now.n - 1)} negatives`;
    cell.textContent = describe(now, state);
  };
  return { element, draw };
}
