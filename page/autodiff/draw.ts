import { ask } from "../ask.ts";
import { html } from "../dom.ts";
import { playerOf } from "../player.ts";
import type { Link, Scene } from "../scene.ts";
import { whenNear } from "../whenNear.ts";
import { graphOf } from "./graph.ts";
import { graphTable, valueFields } from "./parts.ts";
import type { Recorded } from "./record.ts";
import { type AutodiffState, type Frame, filmOf, PRESETS, parametersOf, stateOf, valuesOf } from "./state.ts";
import "./style.css";
import text from "./text.html?raw";

export const autodiff: Scene = { id: "autodiff", title: "Autodiff", text, mount };

function mount(root: HTMLElement, link: Link): void {
  let state = stateOf(link.parameters);
  let recorded: Recorded | undefined;
  let film: Frame[] = [];
  let graph = graphOf([]);
  const player = playerOf("autodiff", "step", (frame) => {
    state = { ...state, frame };
    link.write(parametersOf(state));
    draw();
  });
  const edit = (part: Partial<AutodiffState>): void => {
    player.pause();
    state = { ...state, ...part };
    link.write(parametersOf(state));
    void load();
  };
  const input = html("input", { type: "text", id: "expression", maxlength: 200, spellcheck: "false", autocomplete: "off", "data-test": "autodiff-expression" }); // biome-ignore format: a line
  input.addEventListener("input", () => edit({ text: input.value }));
  const presets = html("select", { "data-test": "autodiff-presets" }, html("option", { value: "" }, "your own"), ...PRESETS.map(({ name, text: value }) => html("option", { value }, name))); // biome-ignore format: a line
  presets.addEventListener("change", () => presets.value !== "" && edit({ text: presets.value }));
  const values = valueFields((name, value) => edit({ values: { ...state.values, [name]: value } }));
  const problem = html("p", { class: "problem", role: "alert", "data-test": "autodiff-error" });
  const says = html("p", { class: "frame-text", role: "status", "data-test": "autodiff-text" });
  const place = html("div", { class: "graph-place", tabindex: 0, role: "region", "aria-label": "The graph" });
  const table = graphTable();
  root.append(
    html("div", { class: "buttons expression" }, html("label", { for: "expression" }, "expression"), input, html("label", { class: "choice" }, "or ", presets)),
    problem,
    values.element,
    html("div", { class: "buttons" }, ...player.buttons),
    html("div", { class: "controls" }, player.element),
    says,
    place,
    table.element,
  ); // biome-ignore format: a part a line

  async function load(): Promise<void> {
    const wanted = state;
    if (document.activeElement !== input) input.value = wanted.text;
    presets.value = PRESETS.some((preset) => preset.text === wanted.text) ? wanted.text : "";
    try {
      const full = valuesOf(wanted);
      const answer = await ask("autodiff", wanted.text, full);
      if (wanted.text !== state.text || wanted.values !== state.values) return; // another one is on its way
      problem.textContent = "";
      recorded = answer;
      film = filmOf(answer);
      graph = graphOf(answer.nodes);
      place.replaceChildren(graph.element);
      values.show(full);
      draw();
    } catch (error) {
      if (wanted.text === state.text) problem.textContent = (error as Error).message;
    }
  }
  function draw(): void {
    if (recorded === undefined) return;
    const at = Math.min(state.frame, film.length - 1);
    player.show(at, film.length);
    says.setAttribute("aria-live", player.isPlaying ? "off" : "polite");
    says.textContent = film[at].text;
    graph.draw(film[at]);
    table.draw(recorded, film[at]);
  }
  link.onChange = (parameters) => {
    player.pause();
    state = stateOf(parameters);
    void load();
  };
  whenNear(root, load);
}
