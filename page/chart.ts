/** A line chart that grows while a training runs. */
import { type ScaleContinuousNumeric, scaleLinear, scaleLog } from "d3-scale";
import { line } from "d3-shape";
import { set, svg } from "./dom.ts";

/** A step and a value. */
export type Point = readonly [step: number, value: number];

export interface ChartOptions {
  readonly title: string;
  readonly steps: number;
  readonly range: readonly [number, number];
  readonly log?: boolean;
  /** Ticks of the vertical axis. */
  readonly ticks: readonly number[];
  /** Names of the lines. */
  readonly lines: readonly string[];
  /** A dashed level with its name. */
  readonly reference?: { readonly value: number; readonly name: string };
  readonly show: (value: number) => string;
}

const PLOT = { width: 400, height: 230, left: 46, right: 392, top: 42, bottom: 196 };

/** Makes a chart; `draw` gets the points of every line, values beyond the range at its edge. */
export function lineChart({ title, steps, range, log = false, ticks, lines, reference, show }: ChartOptions) {
  const x = scaleLinear([0, steps], [PLOT.left, PLOT.right]);
  const scale: ScaleContinuousNumeric<number, number> = log ? scaleLog() : scaleLinear();
  const y = scale.domain(range).range([PLOT.bottom, PLOT.top]);
  const at = (value: number): number => y(Math.min(range[1], Math.max(range[0], value)));
  const paths = lines.map((_, i) => svg("path", { class: `line s${i}` }));
  const values = lines.map((_, i) => svg("text", { class: "legend", x: PLOT.left + 24 + i * 175, y: 24 }));
  const described = svg("title", {}, title);
  const element = svg(
    "svg",
    { viewBox: `0 0 ${PLOT.width} ${PLOT.height}`, role: "img", class: "chart" },
    described,
    svg("text", { class: "emphasis", x: 0, y: 8 }, title),
    ...ticks.flatMap((tick) => [
      svg("path", { class: "grid", d: `M${PLOT.left} ${y(tick)}H${PLOT.right}` }),
      svg("text", { x: PLOT.left - 8, y: y(tick) + 4, "text-anchor": "end" }, String(tick).replace("-", "−")),
    ]),
    ...x
      .ticks(5)
      .map((tick) => svg("text", { x: x(tick), y: PLOT.bottom + 18, "text-anchor": "middle" }, String(tick))),
    svg("text", { x: PLOT.right, y: PLOT.bottom + 33, "text-anchor": "end" }, "step"),
    ...(reference
      ? [
          svg("path", { class: "reference", d: `M${PLOT.left} ${y(reference.value)}H${PLOT.right}` }),
          svg("text", { x: PLOT.right, y: y(reference.value) - 5, "text-anchor": "end" }, reference.name),
        ]
      : []),
    ...lines.map((_, i) => svg("path", { class: `line s${i}`, d: `M${PLOT.left + i * 175} 20h18` })),
    ...values,
    ...paths,
  );
  const draw = (points: readonly (readonly Point[])[]): void => {
    const last = points.map((each) => each.at(-1));
    points.forEach((each, i) => {
      const pixels = each.map(([step, value]): [number, number] => [x(step), at(value)]);
      set(paths[i], { d: line()(pixels) ?? "" });
      values[i].textContent = `${lines[i]} ${last[i] ? show(last[i][1]) : "–"}`;
    });
    described.textContent = `${title}: ${lines.map((name, i) => `${name} ${last[i] ? `${show(last[i][1])} at step ${last[i][0]}` : "not yet known"}`).join(", ")}`;
  };
  draw(lines.map(() => []));
  return { element, draw };
}
