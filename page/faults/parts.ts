/** The parts of the museum's view: the switches, the figures of the last step, the curves. */
import { lineChart } from "../chart.ts";
import { fixed, html, precise } from "../dom.ts";
import { FAULT_NAMES, FAULTS, type FaultName, type Progress, STEPS } from "./state.ts";

/** The right training and the one with the fault. */
export type Both = readonly [right: Progress, fault: Progress];

/** The switches, of which one is on. */
export function choicesOf(onChoose: (fault: FaultName) => void) {
  const inputs = FAULT_NAMES.map((name) => {
    const input = html("input", { type: "radio", name: "fault", value: name, "data-test": `faults-${name}` });
    input.addEventListener("change", () => onChoose(name));
    return input;
  });
  const labels = FAULT_NAMES.map((name, i) => html("label", { class: "check" }, inputs[i], FAULTS[name].title));
  const element = html("fieldset", { class: "faults" }, html("legend", {}, "Switch on one fault"), ...labels);
  return {
    element,
    show(fault: FaultName): void {
      for (const input of inputs) input.checked = input.value === fault;
    },
  };
}

const percent = (value: number): string => `${fixed(value, 1)} %`;
const show = (value: number | undefined, as: (value: number) => string): string => value === undefined || Number.isNaN(value) ? "–" : as(value); // biome-ignore format: a line

/** What each training shows at its last step. */
const FIGURES = [
  { name: "step", test: "step", of: ({ losses }: Progress) => `${losses.at(-1)?.[0] ?? 0} / ${STEPS}` },
  { name: "loss", test: "loss", of: ({ losses }: Progress) => show(losses.at(-1)?.[1], precise) },
  { name: "picture → text R@1", test: "recall", of: ({ recalls }: Progress) => show(recalls.at(-1)?.[1], percent) },
  { name: "t", test: "t", of: ({ t }: Progress) => show(t, fixed) },
  { name: "b", test: "b", of: ({ b }: Progress) => show(b, fixed) },
];

/** The figures of both trainings, side by side. */
export function figuresOf() {
  const head = html("th", { scope: "col" });
  const rows = FIGURES.map(({ name, test, of }) => {
    const cells = ["right", "fault"].map((which) => html("td", { "data-test": `faults-${which}-${test}` }));
    const draw = (both: Both): void =>
      cells.forEach((cell, i) => {
        cell.textContent = of(both[i]);
      });
    return { element: html("tr", {}, html("th", { scope: "row" }, name), ...cells), draw };
  });
  const element = html("table", { class: "numbers figures" }, html("thead", {}, html("tr", {}, html("td"), html("th", { scope: "col" }, "right"), head)), html("tbody", {}, ...rows.map((row) => row.element))); // biome-ignore format: a line
  return {
    element,
    draw(both: Both, title: string): void {
      head.textContent = title;
      for (const row of rows) row.draw(both);
    },
  };
}

/** Loss and recall over the steps. */
export function chartsOf() {
  const lines = ["right", "with the fault"];
  const loss = lineChart({ title: "Loss", steps: STEPS, range: [0.01, 500], log: true, ticks: [0.01, 0.1, 1, 10, 100], lines, show: precise }); // biome-ignore format: a line
  const recall = lineChart({ title: "R@1, picture → text, on the unseen style", steps: STEPS, range: [0, 25], ticks: [0, 5, 10, 15, 20, 25], lines, show: percent }); // biome-ignore format: a line
  return {
    element: html("div", { class: "charts" }, loss.element, recall.element),
    draw(both: Both): void {
      loss.draw(both.map(({ losses }) => losses));
      recall.draw(both.map(({ recalls }) => recalls));
    },
  };
}

/** The curves as a table: where recall was measured. */
export function curvesTable() {
  const table = html("table", { class: "numbers" });
  const element = html("details", { "data-test": "faults-table" }, html("summary", {}, "The curves as a table"), html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The curves as a table" }, table)); // biome-ignore format: a line
  let fill = (): void => {};
  element.addEventListener("toggle", () => element.open && fill());
  return {
    element,
    draw(both: Both, title: string): void {
      fill = () => {
        const names = ["step", "loss, right", `loss, ${title}`, "R@1, right", `R@1, ${title}`];
        const steps = both.map(({ recalls }) => recalls).sort((one, other) => other.length - one.length)[0];
        const rows = steps.map(([step], k) => {
          const losses = both.map((each) => show(each.losses[step - 1]?.[1], precise));
          const recalls = both.map((each) => show(each.recalls[k]?.[1], percent));
          const head = html("th", { scope: "row" }, String(step));
          return html("tr", {}, head, ...[...losses, ...recalls].map((cell) => html("td", {}, cell)));
        });
        const head = names.map((name) => html("th", { scope: "col" }, name));
        table.replaceChildren(html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...rows));
      };
      if (element.open) fill();
    },
  };
}
