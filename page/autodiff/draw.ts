import { ask } from "../ask.ts";
import { html } from "../dom.ts";
import { type Player, playerOf } from "../player.ts";
import type { Link, Scene } from "../scene.ts";
import { whenNear } from "../whenNear.ts";
import { graphOf } from "./graph.ts";
import { expressionField, graphTable, valueFields } from "./parts.ts";
import type { Recorded } from "./record.ts";
import { type AutodiffState, type Frame, filmOf, parametersOf, stateOf, valuesOf } from "./state.ts";
import "./style.css";
import text from "./text.html?raw";

export const autodiff: Scene = { id: "autodiff", title: "Autodiff", text, mount };

function mount(root: HTMLElement, link: Link): void {
  let state = stateOf(link.parameters);
  let recorded: Recorded | undefined;
  let film: Frame[] = [];
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
  const field = expressionField((written, isPreset) => edit({ text: written, ...(isPreset ? { frame: 0 } : {}) }));
  const values = valueFields((name, value) => edit({ values: { ...state.values, [name]: value } }));
  const view = filmView(player);
  root.append(field.element, values.element, view.element);

  async function load(): Promise<void> {
    const wanted = state;
    field.show(wanted.text);
    try {
      const full = valuesOf(wanted);
      const answer = await ask("autodiff", wanted.text, full);
      if (wanted.text !== state.text || wanted.values !== state.values) return; // another one is on its way
      field.complain("");
      view.element.hidden = false;
      recorded = answer;
      film = filmOf(answer);
      view.begin(answer);
      values.show(full);
      draw();
    } catch (error) {
      if (wanted.text !== state.text) return;
      field.complain((error as Error).message);
      view.element.hidden = true; // what it shows is another expression's
    }
  }
  function draw(): void {
    if (recorded === undefined) return;
    const at = Math.min(state.frame, film.length - 1);
    player.show(at, film.length);
    view.draw(recorded, film[at]);
  }
  link.onChange = (parameters) => {
    player.pause();
    state = stateOf(parameters);
    void load();
  };
  whenNear(root, load);
}

/** The player, what its step says, the graph and the graph as a table. */
function filmView(player: Player) {
  const says = html("p", { class: "frame-text", role: "status", "data-test": "autodiff-text" });
  const place = html("div", { class: "graph-place", tabindex: 0, role: "region", "aria-label": "The graph" });
  const table = graphTable();
  const buttons = html("div", { class: "buttons" }, ...player.buttons);
  const element = html(
    "div",
    {},
    html("div", { class: "player" }, buttons, player.element, says),
    place,
    table.element,
  );
  let graph = graphOf([]);
  return {
    element,
    /** Shows another graph. */
    begin({ nodes }: Recorded): void {
      graph = graphOf(nodes);
      place.replaceChildren(graph.element);
    },
    draw(recorded: Recorded, frame: Frame): void {
      says.setAttribute("aria-live", player.isPlaying ? "off" : "polite");
      says.textContent = frame.text;
      graph.draw(frame);
      table.draw(recorded, frame);
    },
  };
}
