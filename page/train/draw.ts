import { BY_PIXELS, NAMES } from "../batch/batch.ts";
import { button, fixed, html, precise, slider } from "../dom.ts";
import { modelSearch } from "../model/view.ts";
import type { Link, Scene } from "../scene.ts";
import { searchOf } from "../search.ts";
import { squareTable } from "../squareTable.ts";
import { TrainControl } from "./control.ts";
import { mostDevices } from "./engine.ts";
import { chartsOf, squareView, tilesOf } from "./parts.ts";
import { MODES, parametersOf, RANGES, stateOf, type TrainState } from "./state.ts";
import text from "./text.html?raw";

export const train: Scene = { id: "train", title: "Train it", text, mount };

function mount(root: HTMLElement, link: Link): void {
  let due = false;
  const control = new TrainControl(stateOf(link.parameters, mostDevices()), () => {
    if (due) return; // reports come faster than frames
    due = true;
    requestAnimationFrame(() => {
      due = false;
      view.show(control);
    });
  });
  const write = (): void => link.write(parametersOf(control.state));
  const view = viewOf({
    toggle: () => control.toggle(),
    single: () => control.send({ kind: "step" }),
    reset: () => control.reset(),
    rateOfT: (rateOfT) => {
      control.setRateOfT(rateOfT);
      write();
    },
    b: (value) => control.send({ kind: "b", value }),
    search: (words) => {
      control.state = { ...control.state, words };
      control.send({ kind: "search", words });
      write();
    },
    settings: (part) => {
      control.reset({ ...control.state, ...part });
      write();
    },
  });
  root.append(view.element);
  link.onChange = (parameters) => control.reset(stateOf(parameters, mostDevices()));
  view.show(control);
}

interface Actions {
  readonly toggle: () => void;
  readonly single: () => void;
  readonly reset: () => void;
  readonly rateOfT: (factor: number) => void;
  readonly b: (value: number) => void;
  readonly search: (words: string) => void;
  readonly settings: (part: Partial<TrainState>) => void;
}

/** The buttons and settings above the training. */
function buttonsOf(actions: Actions) {
  const toggle = button("Train", "train-start", actions.toggle);
  toggle.className = "main";
  const single = button("One step", "train-step", actions.single);
  const kernels = html("select", { "data-test": "train-kernels" }, ...MODES.map((mode) => html("option", { value: mode }, mode))); // biome-ignore format: a line
  kernels.addEventListener("change", () => actions.settings({ kernels: MODES[kernels.selectedIndex] }));
  const devices = html("select", { "data-test": "train-devices" }, ...[1, 2].map((n) => html("option", { value: n, disabled: n > mostDevices() }, String(n)))); // biome-ignore format: a line
  devices.addEventListener("change", () => actions.settings({ devices: Number(devices.value) }));
  const element = html(
    "div",
    { class: "buttons" },
    toggle,
    single,
    button("Reset", "train-reset", actions.reset),
    html("label", { class: "choice" }, "kernels", kernels),
    html("label", { class: "choice" }, "workers", devices),
  );
  return {
    element,
    show({ state, running, progress }: TrainControl): void {
      toggle.textContent = progress.finished ? "Finished" : running ? "Pause" : "Train";
      toggle.disabled = single.disabled = progress.finished;
      kernels.value = state.kernels;
      devices.value = String(state.devices);
    },
  };
}

/** Everything that the scene shows. */
function viewOf(actions: Actions) {
  const buttons = buttonsOf(actions);
  const status = html("p", { class: "note", role: "status", "data-test": "train-status" });
  const rate = slider("rate of t′ ×", "train-rate", RANGES.rateOfT, (v) => fixed(v, 1), actions.rateOfT);
  const bias = slider("push b to", "train-bias", RANGES.b, (v) => fixed(v, 1), actions.b);
  const [tiles, charts, square, search] = [tilesOf(), chartsOf(BY_PIXELS), squareView(), searchOf("search", actions.search)]; // biome-ignore format: a line
  const table = squareTable("train-table");
  const weights = html("p", { class: "note weights", "data-test": "train-weights" });
  const element = html(
    "div",
    {},
    buttons.element,
    status,
    tiles.element,
    html("div", { class: "controls" }, rate.element, bias.element),
    charts.element,
    html(
      "div",
      { class: "row" },
      html("div", {}, html("h3", {}, "Search the unseen style"), search.element),
      html("div", {}, html("h3", {}, "The square sharpens"), square.element),
    ),
    table.element,
    weights,
    modelSearch(),
  );
  const show = (control: TrainControl): void => {
    const { state, progress, status: now } = control;
    if (status.textContent !== now) status.textContent = now;
    buttons.show(control);
    rate.value = state.rateOfT;
    tiles.draw(progress, BY_PIXELS);
    charts.draw(progress);
    search.draw(state.words, progress.found.map(({ item, probability }) => ({ item, note: `p = ${precise(probability)}` }))); // biome-ignore format: a line
    square.draw(progress.similarities);
    if (progress.similarities) table.draw(progress.similarities, NAMES, "Similarity");
    weights.textContent = progress.weights === "" ? "" : `SHA-256 of the weights after ${progress.step} steps: ${progress.weights}. With strict kernels and untouched knobs it is the same in every browser and in Node, on one worker or two.`; // biome-ignore format: a line
  };
  return { element, show };
}
