/** The film as a table, for those who cannot see the drawing. It is filled only while it is open. */
import { html } from "../dom.ts";
import type { DeviceState, Frame } from "./state.ts";

const NAMES = { block: "block", texts: "pass texts", gradients: "pass gradients", sum: "add up" } as const;

const show = ({ texts, gradient, held }: DeviceState): string => {
  const sum = gradient ? `, gradient of y${gradient.owner} with ${gradient.parts.length} parts` : "";
  return `y${texts}${sum}, ${held.toLocaleString("en")} B`;
};

export function ringTable() {
  const table = html("table", { class: "numbers" });
  const details = html("details", { "data-test": "ring-table" }, html("summary", {}, "The log as a table"), html("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "The log as a table" }, table)); // biome-ignore format: a line
  let fill = (): void => {};
  details.addEventListener("toggle", () => {
    if (details.open) fill();
  });
  return {
    element: details,
    draw(film: readonly Frame[], form: string): void {
      fill = () => {
        const head = film[0].devices.map((_, rank) => html("th", { scope: "col" }, `device ${rank}`));
        const rows = film.map(({ kind, devices }, at) =>
          html("tr", {}, html("th", { scope: "row" }, `${at + 1}. ${NAMES[kind]}`), ...devices.map((device) => html("td", {}, show(device)))),
        ); // biome-ignore format: a row a line
        table.replaceChildren(
          html("caption", {}, `${form}: what each device holds beside its own images and texts after every event`),
          html("thead", {}, html("tr", {}, html("td"), ...head)),
          html("tbody", {}, ...rows),
        );
      };
      if (details.open) fill();
    },
  };
}
