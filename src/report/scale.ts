/**
 * Scales and ticks: from numbers to positions, and the round numbers on an axis.
 *
 * Ticks are multiples of 1, 2 or 5 times a power of ten; on a logarithmic axis they are powers of ten, and 2 and 5 times
 * those if there are few.
 */

export interface Scale {
  readonly kind: "linear" | "log";
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  /** A tick as text; the ticks of a linear axis share one unit. */
  label(tick: number): string;
  /** Position of a value, in pixels. */
  at(value: number): number;
}

/** The step of about `count` round ticks over `span`: 1, 2 or 5 times a power of ten. */
export function tickStep(span: number, count: number): number {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const lead = raw / power; // in [1, 10)
  // Geometric means of neighbours: the nearest factor on a logarithmic axis.
  return power * (lead < Math.SQRT2 ? 1 : lead < Math.sqrt(10) ? 2 : lead < Math.sqrt(50) ? 5 : 10);
}

/** Multiples of `step` in [low, high]. */
export function multiples(low: number, high: number, step: number): number[] {
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // i·step has a rounding error for steps below 1 (3·0.1); division by the integer inverse has none.
  const inverse = Math.round(1 / step);
  return Array.from({ length: last - first + 1 }, (_, i) => {
    const n = first + i;
    return n === 0 ? 0 : step < 1 ? n / inverse : n * step;
  });
}

/** Powers of ten in [low, high], and 2 and 5 times those when fewer than three powers lie inside. */
export function logTicks(low: number, high: number): number[] {
  const from = Math.floor(Math.log10(low) + 1e-9);
  const to = Math.floor(Math.log10(high) + 1e-9);
  const factors = to - from < 3 ? [1, 2, 5] : [1];
  const skip = Math.ceil((to - from + 1) / 8); // at most eight labelled decades
  const ticks: number[] = [];
  for (let e = from; e <= to; e += skip) {
    for (const factor of factors) {
      const tick = Number(`${factor}e${e}`);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return ticks;
}

/** From values to pixels [start, end]; the domain grows to round ends, and is never empty. */
export function linearScale(values: Iterable<number>, start: number, end: number, count: number): Scale {
  let [low, high] = extent(values);
  const size = Math.max(Math.abs(low), Math.abs(high));
  // Equal up to rounding, or nearly 0: no round number would lie between.
  if (high - low <= 1e-9 * size || size < 1e-100) {
    const room = size < 1e-100 ? 1 : 0.1 * size;
    low -= room;
    high += room;
  }
  const step = tickStep(high - low, count);
  low = Math.floor(low / step + 1e-9) * step;
  high = Math.ceil(high / step - 1e-9) * step;
  return {
    kind: "linear",
    domain: [low, high],
    ticks: multiples(low, high, step),
    label: (tick) => showTick(tick, Math.max(Math.abs(low), Math.abs(high))),
    at: (value) => start + ((value - low) / (high - low)) * (end - start),
  };
}

/** Like `linearScale`, for the logarithms of positive values; others are ignored. */
export function logScale(values: Iterable<number>, start: number, end: number): Scale {
  let [low, high] = extent(Array.from(values).filter((value) => value > 0));
  if (low <= 0) [low, high] = [1, 10]; // no positive value
  if (low === high) [low, high] = [low / 2, high * 2];
  const ratio = Math.log(high / low);
  return {
    kind: "log",
    domain: [low, high],
    ticks: logTicks(low, high),
    label: (tick) => showTick(tick),
    at: (value) => start + (Math.log(value / low) / ratio) * (end - start),
  };
}

/** Least and greatest finite value; [0, 0] if there is none. */
function extent(values: Iterable<number>): [number, number] {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? [low, high] : [0, 0];
}

/**
 * A round number as text: `0.05`, `2,000`, `20k`, `5e−5`, with a true minus sign.
 * The unit is that of `largest`, so that an axis shows 0, 5k, 10k or 0, 0.0005, 0.001.
 */
export function showTick(value: number, largest = Math.abs(value)): string {
  if (value === 0) return "0";
  const round = (x: number) => String(Number(x.toPrecision(6)));
  const size = Math.abs(value);
  let text: string;
  if (largest < 1e-3 || largest >= 1e9) text = Number(size.toPrecision(6)).toExponential().replace("+", "");
  else if (largest >= 1e6) text = `${round(size / 1e6)}M`;
  else if (largest >= 1e4) text = `${round(size / 1e3)}k`;
  else if (size >= 1e3) text = size.toLocaleString("en");
  else text = round(size);
  return (value < 0 ? `−${text}` : text).replace("e-", "e−");
}
