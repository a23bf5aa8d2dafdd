/** The expression and the values of its names as fields, and the graph as a table. */
import { html } from "../dom.ts";
import type { Recorded } from "./record.ts";
import { type Frame, namesOfNodes, PRESETS } from "./state.ts";

/** The expression, beside others to begin with, and what is wrong with it. */
export function expressionField(onInput: (text: string, isPreset: boolean) => void) {
  const input = html("input", { type: "text", id: "expression", maxlength: 200, spellcheck: "false", autocomplete: "off", "data-test": "autodiff-expression" }); // biome-ignore format: a line
  input.addEventListener("input", () => onInput(input.value, false));
  const presets = html("select", { "data-test": "autodiff-presets" }, html("option", { value: "" }, "your own"), ...PRESETS.map(({ name, text }) => html("option", { value: text }, name))); // biome-ignore format: a line
  presets.addEventListener("change", () => presets.value !== "" && onInput(presets.value, true));
  const problem = html("p", { class: "problem", role: "alert", "data-test": "autodiff-error" });
  return {
    element: html(
      "div",
      {},
      html("div", { class: "buttons expression" }, html("label", { for: "expression" }, "expression"), input, html("label", { class: "choice" }, "or ", presets)),
      problem,
    ), // biome-ignore format: a part a line
    show(text: string): void {
      if (document.activeElement !== input) input.value = text;
      presets.value = PRESETS.some((preset) => preset.text === text) ? text : "";
    },
    /** Says what is wrong; nothing if the message is empty. */
    complain(message: string): void {
      problem.textContent = message;
    },
  };
}

/** A number for each name of the expression. */
export function valueFields(onInput: (name: string, value: number) => void) {
  const element = html("div", { class: "buttons" });
  let shown = "";
  const field = (name: string): HTMLElement => {
    const test = `autodiff-value-${name.replace("′", "Prime")}`;
    const input = html("input", { type: "number", name, step: 0.1, min: -1000, max: 1000, "data-test": test });
    input.addEventListener("input", () => input.value !== "" && input.checkValidity() && onInput(name, input.valueAsNumber)); // biome-ignore format: a line
    return html("label", { class: "choice" }, `${name} =`, input);
  };
  return {
    element,
    show(values: Readonly<Record<string, number>>): void {
      const names = Object.keys(values);
      if (shown !== names.join()) element.replaceChildren(...names.map(field));
      shown = names.join();
      for (const input of element.querySelectorAll("input"))
        if (input !== document.activeElement) input.value = String(values[input.name]);
    },
  };
}

/** The graph as a table. */
export function graphTable() {
  const table = html("table", { class: "numbers" });
  const element = html("details", { "data-test": "autodiff-table" }, html("summary", {}, "The graph as a table"), html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The graph as a table" }, table)); // biome-ignore format: a line
  const number = (value: number | undefined): string => value?.toPrecision(6).replace(/-/g, "−") ?? "";
  return {
    element,
    draw({ nodes }: Recorded, { gradients }: Frame): void {
      const head = ["node", "inputs", "value", "gradient"].map((name) => html("th", { scope: "col" }, name));
      const names = namesOfNodes(nodes);
      const rows = nodes.map((node, i) => {
        const cells = [node.inputs.map((input) => input + 1).join(", "), number(node.value), number(gradients[i])];
        const name = html("th", { scope: "row" }, `${i + 1}. ${names[i]}`);
        return html("tr", {}, name, ...cells.map((cell) => html("td", {}, cell)));
      });
      table.replaceChildren(html("thead", {}, html("tr", {}, ...head)), html("tbody", {}, ...rows));
    },
  };
}
