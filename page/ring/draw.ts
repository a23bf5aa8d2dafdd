import { ask } from "../ask.ts";
import { html } from "../dom.ts";
import { playerOf } from "../player.ts";
import type { Link, Scene } from "../scene.ts";
import { whenNear } from "../whenNear.ts";
import type { RingLog } from "./log.ts";
import { circleOf, memoryBars, settingsOf, squareOf } from "./parts.ts";
import { describe, type Frame, filmOf, parametersOf, type RingState, stateOf } from "./state.ts";
import "./style.css";
import { ringTable } from "./table.ts";
import text from "./text.html?raw";

export const ring: Scene = { id: "ring", title: "The ring", text, mount };

function mount(root: HTMLElement, link: Link): void {
  let state = stateOf(link.parameters);
  let film: Frame[] = [];
  let log: RingLog | undefined;
  const change = (part: Partial<RingState>): void => {
    state = { ...state, ...part };
    link.write(parametersOf(state));
    draw();
  };
  const player = playerOf("ring", "event", (frame) => change({ frame }));
  const restart = (part: Partial<RingState>): void => {
    player.pause();
    state = { ...state, ...part };
    link.write(parametersOf(state));
    void load();
  };
  const settings = settingsOf(restart);
  const says = html("p", { class: "frame-text", role: "status", "data-test": "ring-text" });
  const view = ringView();
  root.append(
    html("div", { class: "buttons" }, settings.form, ...player.buttons),
    html("div", { class: "controls" }, settings.devices, player.element),
    says,
    view.element,
  );

  async function load(): Promise<void> {
    const wanted = state;
    says.textContent = "The loss runs on all devices, and its log comes …";
    try {
      const loaded = await ask("ring", wanted.form, wanted.devices);
      if (wanted.form !== state.form || wanted.devices !== state.devices) return; // another one is on its way
      log = loaded;
      film = filmOf(loaded);
      state = { ...state, frame: Math.min(state.frame, film.length - 1) };
      view.begin(film, state);
      draw();
    } catch (error) {
      says.textContent = `The loss could not be run: ${(error as Error).message}`;
    }
  }
  function draw(): void {
    settings.show(state);
    if (log === undefined) return;
    const at = Math.min(state.frame, film.length - 1);
    player.show(at, film.length);
    says.textContent = describe(film[at], state.form, log.devices[0].loss, log.dense.loss);
    says.setAttribute("aria-live", player.isPlaying ? "off" : "polite");
    view.draw(film[at], at, log.dense.most);
  }
  link.onChange = (parameters) => {
    player.pause();
    const { form: was, devices: count } = state;
    state = stateOf(parameters);
    if (state.form === was && state.devices === count) draw();
    else void load();
  };
  whenNear(root, load);
}

/** The circle, the square, the memory, and all events as a table. */
function ringView() {
  const place = html("div", { class: "row" });
  const bars = html("div");
  const table = ringTable();
  let circle = circleOf(0);
  let square = squareOf(0);
  return {
    element: html("div", {}, place, bars, table.element),
    /** Shows another film. */
    begin(film: readonly Frame[], { devices, form }: RingState): void {
      circle = circleOf(devices);
      square = squareOf(devices);
      place.replaceChildren(circle.element, square.element);
      table.draw(film, form);
    },
    draw(frame: Frame, at: number, dense: number): void {
      circle.draw(frame);
      square.draw(frame, at);
      bars.replaceChildren(memoryBars(frame, dense));
    },
  };
}
