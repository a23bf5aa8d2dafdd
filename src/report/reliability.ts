/** The reliability curve as SVG: predicted probability against the share of pairs that match, beside the diagonal. */
import type { Calibration } from "../eval/index.ts";
import { html, type Markup } from "./markup.ts";
import { percent } from "./tables.ts";

const WIDTH = 380;
const HEIGHT = 240;
const PLOT = { left: 48, right: WIDTH - 12, top: 34, bottom: HEIGHT - 40 };
const TICKS = [0, 0.2, 0.4, 0.6, 0.8, 1];

const x = (share: number): number => PLOT.left + share * (PLOT.right - PLOT.left);
const y = (share: number): number => PLOT.bottom - share * (PLOT.bottom - PLOT.top);

/** The chart; undefined if no calibration was measured. */
export function reliabilityChart(calibration: Calibration | undefined): Markup | undefined {
  if (calibration === undefined) return undefined;
  const { bins, perMatch } = calibration;
  const path = bins.map(({ predicted, observed }, i) => html`${i === 0 ? "M" : "L"}${x(predicted)} ${y(observed)}`);
  return html`<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Calibration"><title>Calibration</title>
<text class="title" x="0" y="16">Matches, in %</text><text class="value" x="${PLOT.right}" y="16" text-anchor="end">error ${perMatch.toFixed(2)} per match</text>
${TICKS.map((tick) => html`<path class="grid" d="M${PLOT.left} ${y(tick)}H${PLOT.right}"/><text x="${PLOT.left - 6}" y="${y(tick) + 4}" text-anchor="end">${100 * tick}</text>`)}
<path class="axis" d="M${PLOT.left} ${PLOT.bottom}H${PLOT.right}"/>
${TICKS.map((tick) => html`<path class="axis" d="M${x(tick)} ${PLOT.bottom}v4"/><text x="${x(tick)}" y="${PLOT.bottom + 17}" text-anchor="middle">${100 * tick}</text>`)}
<text class="label" x="${PLOT.right}" y="${HEIGHT - 4}" text-anchor="end">predicted probability, in %</text>
<path class="reference" d="M${x(0)} ${y(0)}L${x(1)} ${y(1)}"/>
<path class="line s0" d="${path}"/>
${bins.map(({ predicted, observed, pairs }) => html`<circle class="dot s0" cx="${x(predicted)}" cy="${y(observed)}" r="2.5"><title>predicted ${percent(predicted)}, ${percent(observed)} match; ${pairs.toLocaleString("en")} pairs</title></circle>`)}
</svg>`;
}
