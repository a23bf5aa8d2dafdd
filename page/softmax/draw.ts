import { ITEMS, NAMES, STAGES } from "../batch/batch.ts";
import { fixed, html, slider } from "../dom.ts";
import { type Cell, heatMap } from "../heat.ts";
import type { Link, Scene } from "../scene.ts";
import { squareTable } from "../squareTable.ts";
import { CHANGE_NAMES, CHANGES, parametersOf, RANGES, type Side, type SoftmaxState, sidesOf, stateOf, VIEWS } from "./state.ts"; // biome-ignore format: a line

import text from "./text.html?raw";

export const softmax: Scene = { id: "softmax", title: "Softmax beside sigmoid", text, mount };

/** The style of the pictures: the one that training never sees. */
const UNSEEN = 3;

function mount(root: HTMLElement, link: Link): void {
  let state = stateOf(link.parameters);
  const change = (part: Partial<SoftmaxState>): void => {
    state = { ...state, ...part };
    link.write(parametersOf(state));
    draw();
  };
  const choice = <T extends string>(label: string, test: string, options: readonly T[], name: (option: T) => string, choose: (option: T) => void) => {
    const select = html("select", { "data-test": test }, ...options.map((option) => html("option", { value: option }, name(option))));
    select.addEventListener("change", () => choose(options[select.selectedIndex]));
    return { select, element: html("label", { class: "choice" }, label, select) };
  }; // biome-ignore format: the signature is one line
  const changes = choice("change: ", "softmax-change", CHANGE_NAMES, (name) => CHANGES[name].name, (name) => change({ change: name })); // biome-ignore format: a line
  const views = choice("each cell shows its ", "softmax-view", VIEWS, (name) => name, (view) => change({ view })); // biome-ignore format: a line
  const sliders = {
    stage: slider("training", "softmax-stage", RANGES.stage, (i) => `step ${STAGES[i].toLocaleString("en")}`, (stage) => change({ stage })),
    t: slider("temperature t", "softmax-t", RANGES.t, (v) => fixed(v, 0), (t) => change({ t })),
    b: slider("bias b", "softmax-b", RANGES.b, (v) => fixed(v, 1), (b) => change({ b })),
  }; // biome-ignore format: a slider a line
  const note = html("p", { role: "status", "data-test": "softmax-note" });
  const sides = {
    sigmoid: sideOf("Sigmoid", "softmax-sigmoid"),
    softmax: sideOf("Softmax, by row and column", "softmax-softmax"),
  };
  root.append(
    html("div", { class: "buttons" }, changes.element, views.element),
    html("div", { class: "controls" }, sliders.stage.element, sliders.t.element, sliders.b.element),
    note,
    html("div", { class: "row" }, sides.sigmoid.element, sides.softmax.element),
    html("p", { class: "note" }, `An empty cell is 0, full blue +1, full orange −1; frames mark the pairs that match. Gradients are those of B times the loss with respect to the logit: on the left that of the cell’s own loss. A cell counts as moved if its number changes by more than 10⁻¹².`),
  ); // biome-ignore format: the note is one text
  function draw(): void {
    const { shown, ...both } = sidesOf(state);
    for (const key of ["sigmoid", "softmax"] as const) sides[key].draw(both[key], shown, state);
    changes.select.value = state.change;
    views.select.value = state.view;
    for (const key of ["stage", "t", "b"] as const) sliders[key].value = state[key];
    note.textContent = CHANGES[state.change].note;
  }
  link.onChange = (parameters) => {
    state = stateOf(parameters);
    draw();
  };
  draw();
}

/** One loss: its square, what has moved, and the numbers as a table. */
function sideOf(name: string, test: string) {
  const place = html("div");
  const moved = html("p", { class: "total", "data-test": `${test}-moved` });
  const cell = html("p", { class: "note", "aria-live": "polite" });
  const table = squareTable(`${test}-table`);
  const element = html("div", {}, html("h3", {}, name), place, moved, cell, table.element);
  let map: ReturnType<typeof heatMap> | undefined;
  let drawn = "";
  return {
    element,
    draw({ square, changed, kept, lossBefore }: Side, shown: readonly number[], { view }: SoftmaxState): void {
      const values = view === "probability" ? square.probabilities : square.gradients;
      const names = shown.map((item) => NAMES[item]);
      const cells = Array.from(values, (strength, k): Cell => ({ strength, matches: square.labels[k] === 1, changed: changed[k] })); // biome-ignore format: a line
      const choose = (row: number, column: number): void => {
        cell.textContent = `“${names[row]}” and the picture of “${names[column]}”: ${view} ${values[row * square.n + column].toPrecision(3).replace("-", "−")}`;
        map?.draw(cells, { row, column });
      };
      if (map === undefined || drawn !== shown.join()) {
        map = heatMap({ label: `${name}: ${view} of every pair`, test, items: shown.map((item) => ITEMS[item]), names, style: UNSEEN }); // biome-ignore format: a line
        place.replaceChildren(map.element);
        drawn = shown.join();
      }
      map.onChoose = choose;
      choose(0, 0);
      const count = changed.filter(Boolean).length;
      moved.textContent = `${count} of ${kept} cells moved; loss ${lossBefore.toPrecision(5)} → ${square.loss.toPrecision(5)}`;
      table.draw(values, names, `${name}: ${view}`);
    },
  };
}
