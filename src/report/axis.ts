/** Axes of charts: positions and ticks come from d3-scale, labels from d3-format. */
import { extent } from "d3-array";
import { format } from "d3-format";
import { scaleLinear, scaleLog } from "d3-scale";

export interface Axis {
  /** The values at its two ends. */
  readonly domain: readonly number[];
  readonly ticks: readonly number[];
  /** A tick as text; the ticks of a linear axis share one notation. */
  label(tick: number): string;
  /** Position of a value, in pixels. */
  at(value: number): number;
}

const TICKS = 5; // about as many on an axis

/** From values to pixels; with `nice`, the axis extends to round ends. */
export function linearAxis(values: Iterable<number>, pixels: readonly number[], { nice = false } = {}): Axis {
  const at = scaleLinear(span(values), pixels);
  if (nice) at.nice(TICKS);
  const largest = Math.max(...at.domain().map(Math.abs));
  const ticks = at.ticks(TICKS);
  const round = rounding(ticks);
  return { domain: at.domain(), at, ticks, label: (tick) => showTick(round(tick), largest) };
}

/** From positive values to pixels, equal ratios to equal distances. */
export function logAxis(values: Iterable<number>, pixels: readonly number[]): Axis {
  const [low, high] = span(values);
  const at = scaleLog([low, high], pixels);
  const leading = high < 1e3 * low ? "125" : "1"; // d3 gives 1 to 9 times a power of ten: too many labels
  const ticks =
    high < 10 * low
      ? scaleLinear([low, high], pixels).ticks(TICKS)
      : at.ticks(TICKS).filter((tick) => leading.includes(tick.toExponential(0)[0]));
  const round = rounding(ticks);
  return { domain: [low, high], at, ticks, label: (tick) => showTick(round(tick)) };
}

/** Several ticks are round numbers; a single one may be the only value, of which a label shows four digits. */
const rounding =
  (ticks: readonly number[]) =>
  (tick: number): number =>
    ticks.length === 1 ? Number(tick.toPrecision(4)) : tick;

/** Least and greatest value; one value twice if labels would not tell them apart, so that rounding errors are not enlarged. */
function span(values: Iterable<number>): [number, number] {
  const [low = 0, high = 0] = extent(values);
  const least = 1e-4 * Math.max(Math.abs(low), Math.abs(high), 1e-100); // d3 fails on subnormal numbers
  return high - low <= least ? [high, high] : [low, high];
}

const plain = format(",~r"); // 0.05, 2,000
const prefixed = format("~s"); // 20k, 1.5M
const exponential = format("~e"); // 5e−5

/** A round number as text with a true minus sign, in the notation of `largest`, so that an axis shows 0, 0.0005, 0.001. */
export function showTick(value: number, largest = Math.abs(value)): string {
  if (value === 0) return "0";
  const notation = largest < 1e-3 || largest >= 1e9 ? exponential : largest < 1e4 ? plain : prefixed;
  return notation(value).replace("e-", "e−").replace("e+", "e");
}
