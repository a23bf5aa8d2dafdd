import { button, html } from "../dom.ts";
import type { Link, Scene } from "../scene.ts";
import { FaultControl } from "./control.ts";
import { chartsOf, choicesOf, curvesTable, figuresOf } from "./parts.ts";
import { FAULTS, type FaultState, parametersOf, stateOf } from "./state.ts";
import "./style.css";
import text from "./text.html?raw";

export const faults: Scene = { id: "faults", title: "A museum of faults", text, mount };

function mount(root: HTMLElement, link: Link): void {
  let due = false;
  const control = new FaultControl(stateOf(link.parameters), () => {
    if (due) return; // reports come faster than frames
    due = true;
    requestAnimationFrame(() => {
      due = false;
      draw();
    });
  });
  const change = (to: FaultState): void => {
    control.change(to);
    link.write(parametersOf(to));
    draw();
  };
  const choices = choicesOf((fault) => change({ ...control.state, fault }));
  const start = button("Train both", "faults-start", () => {
    control.toggle();
    draw();
  });
  start.className = "main";
  const says = html("p", { "data-test": "faults-change" });
  const seen = html("p", { class: "seen", role: "status", "data-test": "faults-seen" });
  const [figures, charts, table] = [figuresOf(), chartsOf(), curvesTable()];
  root.append(choices.element, says, html("div", { class: "buttons" }, start), seen, figures.element, charts.element, table.element); // biome-ignore format: a line

  function draw(): void {
    const { state, progress, failure, isRunning, isDone } = control;
    const { change: formula, seen: after, title } = FAULTS[state.fault];
    choices.show(state.fault);
    start.textContent = isRunning ? "Stop" : "Train both";
    says.textContent = formula;
    figures.draw(progress, title);
    charts.draw(progress);
    table.draw(progress, title);
    if (failure !== "") seen.textContent = `The training failed: ${failure}`;
    else seen.textContent = isDone ? after : "What to look at appears here when both have trained.";
  }
  link.onChange = (parameters) => change(stateOf(parameters));
  draw();
}
