/**
 * What the script of a page (browser.js) knows of its charts, as JSON: curves by step, and every axis that a reader can choose, with
 * its ticks. So the script needs no library: it maps numbers to pixels and moves paths.
 *
 * Horizontally a curve can be drawn over steps, GFLOP or time. The last two are known at some steps, and interpolated between.
 */
import { type Axis, linearAxis, logAxis } from "./axis.ts";
import { type Chart, drawnSeries, PLOT, verticalAxis, X_PIXELS } from "./chart.ts";
import { type Point, thin } from "./curve.ts";
import type { RunCurves } from "./data.ts";
import { html, Markup } from "./markup.ts";

const KNOWN_POINTS = 300; // of time and GFLOP: the curves between are nearly straight

/** A unit of time for an axis that ends after so many seconds. */
function unitFor(seconds: number): { name: string; seconds: number } {
  if (seconds < 180) return { name: "s", seconds: 1 };
  return seconds < 3 * 3600 ? { name: "min", seconds: 60 } : { name: "h", seconds: 3600 };
}

/** GFLOP by step, from 0 on. */
const operations = ({ metrics }: RunCurves): Point[] => {
  const known = metrics.flatMap(({ step, gflop }): Point[] => (Number.isFinite(gflop) ? [[step, gflop!]] : []));
  return known.length === 0 ? [] : [[0, 0], ...known];
};

/** Seconds by step. */
const seconds = ({ times }: RunCurves): Point[] => times.map((row): Point => [row.step, row.seconds]);

/** The charts of a page and its horizontal axes as a data block, which browsers do not run; nothing without charts. */
export function chartData(charts: readonly Chart[], runs: readonly RunCurves[]): Markup | undefined {
  const drawn = charts
    .map((chart) => ({ chart, series: drawnSeries(chart) }))
    .filter(({ series }) => series.length > 0);
  if (drawn.length === 0) return undefined;
  const steps: number[][] = [];
  const shared = new Map<string, number>();
  /** Curves of the same rows share their steps. */
  const curve = (points: readonly Point[]) => {
    const xs = points.map(([x]) => x);
    const key = xs.join();
    if (!shared.has(key)) shared.set(key, steps.push(xs) - 1);
    return { x: shared.get(key), y: points.map(([, y]) => rounded(y)) };
  };
  const described = drawn.map(({ chart, series }) => [
    chart.name,
    {
      scale: chart.y,
      y: verticalAxes(chart, series),
      ...(chart.reference ? { reference: chart.reference.value } : {}),
      series: series.map(({ name, run, colour, line, raw, low, high }) => ({
        name,
        run,
        colour,
        line: curve(line),
        ...(raw ? { raw: curve(raw) } : {}),
        ...(low.length > 1 && high.length > 1 ? { low: curve(low), high: curve(high) } : {}),
      })),
    },
  ]);
  const data = {
    plot: PLOT,
    ...horizontal(
      runs,
      drawn.flatMap(({ series }) => series),
    ),
    charts: Object.fromEntries(described),
    steps,
  };
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  return html`<script type="application/json" id="chart-data">${new Markup(json)}</script>`;
}

const rounded = (value: number): number => Number(value.toPrecision(5));

const axisData = ({ domain, ticks, at, label }: Axis, isLog: boolean) => ({
  domain,
  log: isLog,
  ticks: ticks.map((tick) => [rounded(at(tick)), label(tick)] as const),
});

/** Both vertical axes of a chart; a logarithmic one only if all of it is positive. */
function verticalAxes(chart: Chart, series: ReturnType<typeof drawnSeries>) {
  const isPositive = series.every(({ line, raw = [], low, high }) =>
    [line, raw, low, high].flat().every(([, y]) => y > 0),
  );
  return {
    linear: axisData(verticalAxis(chart, series, "linear"), false),
    ...(isPositive ? { log: axisData(verticalAxis(chart, series, "log"), true) } : {}),
  };
}

/** The horizontal axes that some run has, and what a step is on them for each run. */
function horizontal(runs: readonly RunCurves[], series: ReturnType<typeof drawnSeries>) {
  const last = Math.max(...series.map(({ line }) => line[line.length - 1][0]));
  const longest = Math.max(0, ...runs.map((run) => seconds(run).at(-1)?.[1] ?? 0));
  const unit = unitFor(longest);
  const inUnits = (run: RunCurves) => seconds(run).map(([step, s]): Point => [step, s / unit.seconds]);
  const axes = (label: string, values: readonly number[]) => {
    const positive = values.filter((value) => value > 0);
    return {
      label,
      linear: axisData(linearAxis([0, ...values], X_PIXELS), false),
      log: axisData(logAxis(positive, X_PIXELS), true),
    };
  };
  const gflop = runs.flatMap((run) => operations(run).map(([, y]) => y));
  return {
    x: {
      step: axes("step", [1, last]),
      ...(gflop.length > 0 ? { gflop: axes("GFLOP", gflop) } : {}),
      ...(longest > 0
        ? {
            time: axes(
              `time in ${unit.name}`,
              runs.flatMap((run) => inUnits(run).map(([, y]) => y)),
            ),
          }
        : {}),
    },
    runs: runs.map((run) => ({ name: run.name, gflop: table(operations(run)), time: table(inUnits(run)) })),
  };
}

/** Two columns: steps, and what they are on another axis. */
function table(points: readonly Point[]): [number[], number[]] {
  const few = thin(points, KNOWN_POINTS, (step) => step);
  return [few.map(([x]) => x), few.map(([, y]) => rounded(y))];
}
