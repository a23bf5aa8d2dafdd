/** The reliability curve as SVG: predicted probability against the share of pairs that match, beside the diagonal. */
import type { Calibration } from "../eval/index.ts";
import { linearAxis } from "./axis.ts";
import { axes, HEIGHT, PLOT, WIDTH, X_PIXELS, Y_PIXELS } from "./chart.ts";
import { html, type Markup } from "./markup.ts";
import { percent } from "./tables.ts";

const x = linearAxis([0, 100], X_PIXELS);
const y = linearAxis([0, 100], Y_PIXELS);
const at = (predicted: number, observed: number): Markup => html`${x.at(100 * predicted)} ${y.at(100 * observed)}`;

/** The chart; undefined if no calibration was measured. */
export function reliabilityChart(calibration: Calibration | undefined): Markup | undefined {
  if (calibration === undefined) return undefined;
  const { bins, perMatch } = calibration;
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Calibration"><title>Calibration</title>
<text class="title" x="0" y="16">Matches, in %</text><text class="value" x="${PLOT.right}" y="16" text-anchor="end">error ${perMatch.toFixed(2)} per match</text>
${axes(x, y, "predicted probability, in %")}
<path class="reference" d="M${at(0, 0)} ${at(1, 1)}"/>
<path class="line s0" d="M${bins.map(({ predicted, observed }) => html` ${at(predicted, observed)}`)}"/>
${bins.map(
  ({ predicted, observed, pairs }) =>
    html`<circle class="dot s0" cx="${x.at(100 * predicted)}" cy="${y.at(100 * observed)}" r="2.5"><title>predicted ${percent(predicted)}, ${percent(observed)} match; ${pairs.toLocaleString("en")} pairs</title></circle>`,
)}
</svg>`;
}
