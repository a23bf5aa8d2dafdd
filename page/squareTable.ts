/** The numbers of a square as a table, for those who cannot see its colours. It is filled only while it is open. */
import { html } from "./dom.ts";

export function squareTable(test: string) {
  const table = html("table", { class: "numbers" });
  const details = html("details", { "data-test": test }, html("summary", {}, "The numbers as a table"), html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The numbers as a table" }, table)); // biome-ignore format: a line
  let fill = (): void => {};
  details.addEventListener("toggle", () => {
    if (details.open) fill();
  });
  return {
    element: details,
    draw(values: ArrayLike<number>, names: readonly string[], caption: string): void {
      fill = () => {
        const n = names.length;
        const show = (value: number): string => value.toPrecision(2).replace(/-/g, "−");
        table.replaceChildren(
          html("caption", {}, `${caption} of every pair, texts as rows, pictures as columns`),
          html("thead", {}, html("tr", {}, html("td"), ...names.map((name) => html("th", { scope: "col" }, name)))),
          html("tbody", {}, ...names.map((name, i) => {
            const cells = Array.from({ length: n }, (_, j) => html("td", {}, show(values[i * n + j])));
            return html("tr", {}, html("th", { scope: "row" }, name), ...cells);
          })),
        ); // biome-ignore format: head and body
      };
      if (details.open) fill();
    },
  };
}
