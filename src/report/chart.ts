/**
 * A line chart as SVG: axes with round ticks, raw values faint, smoothed ones strong, shaded bands, a dashed reference line.
 *
 * Colours come from CSS variables (style.ts), so that the same drawing fits light and dark pages.
 */
import { type Axis, linearAxis, logAxis, showTick } from "./axis.ts";
import { type Point, smooth, thin } from "./curve.ts";
import { html, type Markup } from "./markup.ts";

export interface Series {
  readonly name: string;
  /** Index of the run that it belongs to. */
  readonly run: number;
  /** By step, in order. */
  readonly points: readonly Point[];
  /** The edges of a shaded band around the points. */
  readonly band?: readonly (readonly Point[])[];
}

export interface Chart {
  /** Distinguishes the charts of a page. */
  readonly name: string;
  readonly title: string;
  readonly series: readonly Series[];
  readonly y: "linear" | "log";
  /** Values that the vertical axis holds in any case. */
  readonly range?: readonly number[];
  /** Draw a smoothed curve over the raw one; without it, each point gets a dot. */
  readonly smoothed: boolean;
  /** A dashed reference line. */
  readonly reference?: { readonly value: number; readonly label: string };
  readonly showValue: (value: number) => string;
  /** Text at the top right in place of the last value; with several series, in place of the legend. */
  readonly headline?: string;
}

export const WIDTH = 380;
export const HEIGHT = 240;
/** The edges of the plot. */
export const PLOT = { left: 48, right: WIDTH - 12, top: 50, bottom: HEIGHT - 40 };
export const X_PIXELS = [PLOT.left, PLOT.right];
export const Y_PIXELS = [PLOT.bottom, PLOT.top];
const RAW_POINTS = 700; // a few per pixel
const DOTS = 40; // more points are drawn without dots

/** The strong curve: smoothed over a fiftieth of the points, or the finite points themselves. */
const drawn = ({ smoothed }: Chart, { points }: Series): Point[] => smooth(points, smoothed ? points.length / 50 : 1);

/** A series as it is drawn. */
export interface DrawnSeries {
  readonly name: string;
  readonly run: number;
  /** Its place among those of the chart that are drawn. */
  readonly index: number;
  /** Class for its colour and dashes. */
  readonly colour: string;
  /** The strong curve, and behind a smoothed one the raw points. */
  readonly line: readonly Point[];
  readonly raw?: readonly Point[];
  /** The edges of its band. */
  readonly low: readonly Point[];
  readonly high: readonly Point[];
}

/** The series of a chart as they are drawn, each curve with few points; those with nothing to show are left out. */
export function drawnSeries(chart: Chart): DrawnSeries[] {
  const few = (points: readonly Point[] = []) =>
    thin(
      points.filter((point) => isVisible(chart, point)),
      RAW_POINTS,
      (step) => step,
    );
  return chart.series
    .map((s, i) => ({
      name: s.name,
      run: s.run,
      colour: `s${i % COLOURS}`,
      line: few(drawn(chart, { ...s, points: s.points.filter((point) => isVisible(chart, point)) })),
      ...(chart.smoothed ? { raw: few(s.points) } : {}),
      low: few(s.band?.[0]),
      high: few(s.band?.[1]),
    }))
    .filter(({ line }) => line.length > 0)
    .map((s, index) => ({ ...s, index }));
}

const isVisible = ({ y: scale }: Chart, [, y]: Point): boolean => Number.isFinite(y) && (scale === "linear" || y > 0);

/** The vertical axis of a chart. */
export function verticalAxis(
  { reference, range = [] }: Chart,
  series: readonly DrawnSeries[],
  scale: "linear" | "log",
): Axis {
  const values = series.flatMap(({ line, raw = [], low, high }) =>
    [line, raw, low, high].flat().map((point) => point[1]),
  );
  if (reference) values.push(reference.value);
  if (scale === "linear") values.push(...range);
  return scale === "log" ? logAxis(values, Y_PIXELS) : linearAxis(values, Y_PIXELS, { nice: true });
}

/** A chart over the steps; undefined if it has nothing to show. */
export function lineChart(chart: Chart): Markup | undefined {
  const series = drawnSeries(chart);
  if (series.length === 0) return undefined;
  const { name, title } = chart;
  const x = linearAxis([0, ...series.map(({ line }) => line[line.length - 1][0])], X_PIXELS); // ends where the run ends
  const y = verticalAxis(chart, series, chart.y);
  return html`<svg class="chart" data-chart="${name}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}"><title>${title}</title>
${heading(chart, series)}
${axes(x, y, "step")}
${chart.reference && reference(chart.reference, y)}
${series.map((s) => band(s, x, y))}
${series.map((s) => curve(chart, s, x, y))}
</svg>`;
}

const COLOURS = 8; // series that can be told apart

/** The title, and on the right the last value; with several series, a legend with the last values of those that have any. */
function heading({ title, series: all, headline, showValue, smoothed }: Chart, series: readonly DrawnSeries[]): Markup {
  const name = html`<text class="title" x="0" y="16">${title}</text>`;
  const last = series.map(({ line }) => showValue(line[line.length - 1][1]));
  if (all.length === 1 || headline !== undefined) {
    const value = headline ?? `${last[0]}${smoothed ? " smoothed" : ""}`;
    return html`${name}<text class="value" x="${PLOT.right}" y="16" text-anchor="end">${value}</text>`;
  }
  const room = PLOT.right / series.length;
  return html`${name}${series.map(({ name, colour }, i) => {
    const left = i * room;
    return html`<path class="line ${colour}" d="M${left} 30h18"/><text class="legend" x="${left + 23}" y="34">${name} ${last[i]}</text>`;
  })}`;
}

/** Both axes with their labels. */
export function axes(x: Axis, y: Axis, xLabel: string): Markup {
  return html`<g class="y-axis">${y.ticks.map(
    (tick) =>
      html`<path class="grid" d="M${PLOT.left} ${y.at(tick)}H${PLOT.right}"/><text x="${PLOT.left - 6}" y="${y.at(tick) + 4}" text-anchor="end">${y.label(tick)}</text>`,
  )}</g>
<path class="axis" d="M${PLOT.left} ${PLOT.bottom}H${PLOT.right}"/>
<g class="x-axis">${x.ticks.map(
    (tick) =>
      html`<path class="axis" d="M${x.at(tick)} ${PLOT.bottom}v4"/><text x="${x.at(tick)}" y="${PLOT.bottom + 17}" text-anchor="middle">${x.label(tick)}</text>`,
  )}</g>
<text class="label" x="${PLOT.right}" y="${HEIGHT - 4}" text-anchor="end">${xLabel}</text>`;
}

function reference({ value, label }: { value: number; label: string }, y: Axis): Markup {
  const level = y.at(value);
  const below = level - PLOT.top < 16; // no room above the line
  return html`<path class="reference" d="M${PLOT.left} ${level}H${PLOT.right}"/><text class="note" x="${PLOT.right}" y="${level + (below ? 14 : -5)}" text-anchor="end">${label}</text>`;
}

/** The area between two edges. */
function band({ low, high, colour, index }: DrawnSeries, x: Axis, y: Axis): Markup | undefined {
  if (low.length < 2 || high.length < 2) return undefined;
  return html`<path class="band ${colour}" data-series="${index}" d="${path([...low, ...high.toReversed()], x, y)}Z"/>`;
}

const path = (points: readonly Point[], x: Axis, y: Axis): Markup =>
  html`M${points.map(([px, py]) => html` ${x.at(px)} ${y.at(py)}`)}`;

function curve(chart: Chart, { raw, line, colour, index }: DrawnSeries, x: Axis, y: Axis): Markup {
  const faint = raw && html`<path class="raw ${colour}" data-series="${index}" d="${path(raw, x, y)}"/>`;
  const dots =
    line.length === 1 || (!chart.smoothed && line.length <= DOTS)
      ? line.map(
          ([px, py]) =>
            html`<circle class="dot ${colour}" data-series="${index}" cx="${x.at(px)}" cy="${y.at(py)}" r="2.5"><title>step ${showTick(px)}: ${chart.showValue(py)}</title></circle>`,
        )
      : undefined;
  return html`${faint}<path class="line ${colour}" data-series="${index}" d="${path(line, x, y)}"/>${dots}`;
}
