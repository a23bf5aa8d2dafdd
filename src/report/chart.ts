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
  /** In order of x. */
  readonly points: readonly Point[];
  /** The edges of a shaded band around the points. */
  readonly band?: readonly (readonly Point[])[];
}

export interface Chart {
  readonly title: string;
  readonly series: readonly Series[];
  readonly xLabel: string;
  readonly x: "linear" | "log";
  readonly y: "linear" | "log";
  /** Draw a smoothed curve over the raw one; without it, each point gets a dot. */
  readonly smoothed: boolean;
  /** A dashed reference line. */
  readonly reference?: { readonly value: number; readonly label: string };
  readonly showValue: (value: number) => string;
  /** Text at the top right in place of the last value. */
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

/** The last smoothed value of a series; undefined if no value is finite. */
function finalValue(chart: Chart, series: Series): number | undefined {
  return drawn(chart, series).at(-1)?.[1];
}

/** The strong curve: smoothed over a fiftieth of the points, or the finite points themselves. */
const drawn = (chart: Chart, { points }: Series) => smooth(points, chart.smoothed ? points.length / 50 : 1);

/** The chart; undefined if it has nothing to show. */
export function lineChart(chart: Chart): Markup | undefined {
  const visible = ([x, y]: Point) =>
    Number.isFinite(y) && (chart.x === "linear" || x > 0) && (chart.y === "linear" || y > 0);
  const series = chart.series
    .map((s) => ({ ...s, points: s.points.filter(visible), band: s.band?.map((edge) => edge.filter(visible)) ?? [] }))
    .filter((s) => s.points.length > 0);
  if (series.length === 0) return undefined;
  const xs = series.flatMap((s) => [s.points[0][0], s.points[s.points.length - 1][0]]);
  const ys = series.flatMap((s) => [s.points, ...s.band].flat().map(([, y]) => y));
  if (chart.reference) ys.push(chart.reference.value);
  const x = chart.x === "log" ? logAxis(xs, X_PIXELS) : linearAxis([0, ...xs], X_PIXELS); // ends where the run ends
  const y = chart.y === "log" ? logAxis(ys, Y_PIXELS) : linearAxis(ys, Y_PIXELS, { nice: true });
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${chart.title}"><title>${chart.title}</title>
${heading(chart, series)}
${axes(x, y, chart.x === "log" ? `${chart.xLabel} (logarithmic)` : chart.xLabel)}
${chart.reference && reference(chart.reference, y)}
${series.map((s, i) => band(s.band, i, x, y))}
${series.map((s, i) => curve(chart, s, i, x, y))}
</svg>`;
}

/** The title, and on the right the last value; with several series, a legend with the last values of those that have any. */
function heading(chart: Chart, series: readonly Series[]): Markup {
  const last = series.map((s) => {
    const value = finalValue(chart, s);
    return value === undefined ? "" : chart.showValue(value);
  });
  if (chart.series.length === 1) {
    return html`<text class="title" x="0" y="16">${chart.title}</text><text class="value" x="${PLOT.right}" y="16" text-anchor="end">${chart.headline ?? `${last[0]}${chart.smoothed ? " smoothed" : ""}`}</text>`;
  }
  const room = PLOT.right / series.length;
  return html`<text class="title" x="0" y="16">${chart.title}</text>${series.map((s, i) => {
    const left = i * room;
    return html`<path class="line s${i}" d="M${left} 30h18"/><text class="legend" x="${left + 23}" y="34">${s.name} ${last[i]}</text>`;
  })}`;
}

/** Both axes with their labels. */
export function axes(x: Axis, y: Axis, xLabel: string): Markup {
  return html`${y.ticks.map(
    (tick) =>
      html`<path class="grid" d="M${PLOT.left} ${y.at(tick)}H${PLOT.right}"/><text x="${PLOT.left - 6}" y="${y.at(tick) + 4}" text-anchor="end">${y.label(tick)}</text>`,
  )}
<path class="axis" d="M${PLOT.left} ${PLOT.bottom}H${PLOT.right}"/>
${x.ticks.map(
  (tick) =>
    html`<path class="axis" d="M${x.at(tick)} ${PLOT.bottom}v4"/><text x="${x.at(tick)}" y="${PLOT.bottom + 17}" text-anchor="middle">${x.label(tick)}</text>`,
)}
<text class="label" x="${PLOT.right}" y="${HEIGHT - 4}" text-anchor="end">${xLabel}</text>`;
}

function reference({ value, label }: { value: number; label: string }, y: Axis): Markup {
  const level = y.at(value);
  const below = level - PLOT.top < 16; // no room above the line
  return html`<path class="reference" d="M${PLOT.left} ${level}H${PLOT.right}"/><text class="note" x="${PLOT.right}" y="${level + (below ? 14 : -5)}" text-anchor="end">${label}</text>`;
}

/** The area between two edges. */
function band(
  [low = [], high = []]: readonly (readonly Point[])[],
  index: number,
  x: Axis,
  y: Axis,
): Markup | undefined {
  if (low.length < 2 || high.length < 2) return undefined;
  const [there, back] = [low, high].map((edge) => thin(edge, RAW_POINTS, x.at));
  return html`<path class="band s${index}" d="M${[...there, ...back.reverse()].map(([px, py]) => html` ${x.at(px)} ${y.at(py)}`)}Z"/>`;
}

function curve(chart: Chart, s: Series, index: number, x: Axis, y: Axis): Markup {
  const path = (points: readonly Point[]) => html`M${points.map(([px, py]) => html` ${x.at(px)} ${y.at(py)}`)}`;
  const strong = thin(drawn(chart, s), RAW_POINTS, x.at);
  const raw = chart.smoothed
    ? html`<path class="raw s${index}" d="${path(thin(s.points, RAW_POINTS, x.at))}"/>`
    : undefined;
  const dots =
    !chart.smoothed && s.points.length <= DOTS
      ? s.points.map(
          ([px, py]) =>
            html`<circle class="dot s${index}" cx="${x.at(px)}" cy="${y.at(py)}" r="2.5"><title>${chart.xLabel} ${showTick(px)}: ${chart.showValue(py)}</title></circle>`,
        )
      : undefined;
  return html`${raw}<path class="line s${index}" d="${path(strong)}"/>${dots}`;
}
