import type { BrowserDevices } from "../../src/parallel/launchBrowser.ts";
import { BY_PIXELS, NAMES } from "../batch/batch.ts";
import { button, fixed, html, slider } from "../dom.ts";
import type { Link, Scene } from "../scene.ts";
import { squareTable } from "../squareTable.ts";
import { mostDevices, startTraining } from "./engine.ts";
import type { Report, Request } from "./messages.ts";
import { chartsOf, searchOf, squareView, tilesOf } from "./parts.ts";
import { after, MODES, noProgress, type Progress, parametersOf, RANGES, stateOf, type TrainState } from "./state.ts";
import text from "./text.html?raw";

export const train: Scene = { id: "train", title: "Train it", text, mount };

function mount(root: HTMLElement, link: Link): void {
  let state = stateOf(link.parameters, mostDevices());
  let progress = noProgress();
  let running = false;
  let engine: Promise<BrowserDevices<Request>> | undefined;
  const status = html("p", { class: "note", role: "status", "data-test": "train-status" });
  const view = viewOf({
    toggle: () => (running ? pause() : run()),
    single: () => send({ kind: "step" }),
    reset,
    rateOfT: (rateOfT) => {
      change({ rateOfT });
      if (engine) send({ kind: "rateOfT", value: rateOfT });
    },
    b: (value) => send({ kind: "b", value }),
    search: (words) => {
      change({ words });
      send({ kind: "search", words });
    },
    settings: (part) => {
      change(part);
      reset();
    },
  });
  root.append(view.buttons, status, view.body);

  function change(part: Partial<TrainState>): void {
    state = { ...state, ...part };
    link.write(parametersOf(state));
  }
  function send(request: Request): void {
    engine ??= start();
    void engine.then((devices) => devices.send(request));
  }
  function start(): Promise<BrowserDevices<Request>> {
    status.textContent = "Starting: kernels are compiled and compared with plain loops.";
    const devices = startTraining(state, (report) => devices === engine && receive(report), fail);
    devices.then(({ send: first }) => {
      if (state.rateOfT !== 1) first({ kind: "rateOfT", value: state.rateOfT });
      if (state.words !== "") first({ kind: "search", words: state.words });
    }, fail);
    return devices;
  }
  function run(): void {
    running = true;
    send({ kind: "run" });
    view.show(state, running, progress);
  }
  function pause(): void {
    running = false;
    send({ kind: "pause" });
    view.show(state, running, progress);
  }
  function reset(): void {
    void engine?.then((devices) => devices.end());
    engine = undefined;
    running = false;
    progress = noProgress();
    status.textContent = "";
    view.show(state, running, progress);
  }
  function fail(error: Error): void {
    running = false;
    engine = undefined;
    status.textContent = `The training failed: ${error.message}`;
    view.show(state, running, progress);
  }
  let due = false;
  function receive(report: Report): void {
    if (report.kind === "ready") {
      const threads = report.devices > 1 ? `${report.devices} workers that share memory` : `one worker${crossOriginIsolated ? "" : ", since this page is not cross-origin isolated"}`; // biome-ignore format: a line
      status.textContent = `On ${threads}; kernels: ${report.kernels}.`;
    }
    progress = after(progress, report);
    if (progress.finished) running = false;
    if (due) return;
    due = true;
    requestAnimationFrame(() => {
      due = false;
      view.show(state, running, progress);
    });
  }
  link.onChange = (parameters) => {
    state = stateOf(parameters, mostDevices());
    reset();
  };
  view.show(state, running, progress);
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

/** Everything that the scene shows. */
function viewOf(actions: Actions) {
  const toggle = button("Train", "train-start", actions.toggle);
  toggle.className = "main";
  const single = button("One step", "train-step", actions.single);
  const kernels = html("select", { "data-test": "train-kernels" }, ...MODES.map((mode) => html("option", { value: mode }, mode))); // biome-ignore format: a line
  kernels.addEventListener("change", () => actions.settings({ kernels: MODES[kernels.selectedIndex] }));
  const devices = html("select", { "data-test": "train-devices" }, ...[1, 2].map((n) => html("option", { value: n, disabled: n > mostDevices() }, String(n)))); // biome-ignore format: a line
  devices.addEventListener("change", () => actions.settings({ devices: Number(devices.value) }));
  const buttons = html(
    "div",
    { class: "buttons" },
    toggle,
    single,
    button("Reset", "train-reset", actions.reset),
    html("label", { class: "choice" }, "kernels", kernels),
    html("label", { class: "choice" }, "workers", devices),
  );
  const rate = slider("rate of t′ ×", "train-rate", RANGES.rateOfT, (v) => fixed(v, 1), actions.rateOfT);
  const bias = slider("push b to", "train-bias", RANGES.b, (v) => fixed(v, 1), actions.b);
  const [tiles, charts, square, search] = [tilesOf(), chartsOf(BY_PIXELS), squareView(), searchOf(actions.search)];
  const table = squareTable("train-table");
  const weights = html("p", { class: "note weights", "data-test": "train-weights" });
  const body = html(
    "div",
    {},
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
  );
  return {
    buttons,
    body,
    show(state: TrainState, running: boolean, progress: Progress): void {
      toggle.textContent = progress.finished ? "Finished" : running ? "Pause" : "Train";
      toggle.disabled = single.disabled = progress.finished;
      kernels.value = state.kernels;
      devices.value = String(state.devices);
      rate.value = state.rateOfT;
      tiles.draw(progress, BY_PIXELS);
      charts.draw(progress);
      search.draw(state.words, progress.found);
      square.draw(progress.similarities);
      if (progress.similarities) table.draw(progress.similarities, NAMES, "Similarity");
      weights.textContent = progress.weights === "" ? "" : `SHA-256 of the weights after ${progress.step} steps: ${progress.weights}. With strict kernels and untouched knobs it is the same in every browser and in Node, on one worker or two.`; // biome-ignore format: a line
    },
  };
}
