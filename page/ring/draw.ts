import { ask } from "../ask.ts";
import { html, slider } from "../dom.ts";
import { playerOf } from "../player.ts";
import type { Link, Scene } from "../scene.ts";
import { whenNear } from "../whenNear.ts";
import type { RingLog } from "./log.ts";
import { circleOf, memoryBars, squareOf } from "./parts.ts";
import { describe, FORM_NAMES, type Frame, filmOf, parametersOf, RANGES, type RingState, stateOf } from "./state.ts";
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
    state = { ...state, ...part, frame: 0 };
    link.write(parametersOf(state));
    void load();
  };
  const form = html("select", { "data-test": "ring-form" }, ...FORM_NAMES.map((name) => html("option", {}, name)));
  form.addEventListener("change", () => restart({ form: FORM_NAMES[form.selectedIndex] }));
  const devices = slider("devices D", "ring-devices", RANGES.devices, String, (value) => restart({ devices: value }));
  const says = html("p", { class: "frame-text", role: "status", "data-test": "ring-text" });
  const place = html("div", { class: "row" });
  const bars = html("div");
  const table = ringTable();
  root.append(
    html("div", { class: "buttons" }, html("label", { class: "choice" }, "form ", form), ...player.buttons),
    html("div", { class: "controls" }, devices.element, player.element),
    says,
    place,
    bars,
    table.element,
  );
  let circle = circleOf(0);
  let square = squareOf(0);

  async function load(): Promise<void> {
    const wanted = state;
    says.textContent = "The loss runs on all devices, and its log comes …";
    try {
      const loaded = await ask("ring", wanted.form, wanted.devices);
      if (wanted.form !== state.form || wanted.devices !== state.devices) return; // another one is on its way
      log = loaded;
      film = filmOf(loaded);
      circle = circleOf(state.devices);
      square = squareOf(state.devices);
      place.replaceChildren(circle.element, square.element);
      table.draw(film, state.form);
      draw();
    } catch (error) {
      says.textContent = `The loss could not be run: ${(error as Error).message}`;
    }
  }
  function draw(): void {
    form.value = state.form;
    devices.value = state.devices;
    if (log === undefined) return;
    const at = Math.min(state.frame, film.length - 1);
    player.show(at, film.length);
    says.textContent = describe(film[at], state.form, log.devices[0].loss, log.dense.loss);
    says.setAttribute("aria-live", player.isPlaying ? "off" : "polite");
    circle.draw(film[at]);
    square.draw(film[at], at);
    bars.replaceChildren(memoryBars(film[at], log.dense.most));
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
