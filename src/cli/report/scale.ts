/**
 * Scales and ticks: from numbers to positions, and the round numbers that an axis shows.
 *
 * Ticks are multiples of 1, 2 or 5 times a power of ten; on a logarithmic axis they are powers of ten, and 2 and 5 times
 * those where there are few.
 */

export interface Scale {
  readonly kind: "linear" | "log";
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  /** Position of a value, in pixels. */
  at(value: number): number;
}

/** The step of about `count` round ticks over `span`: 1, 2 or 5 times a power of ten. */
export function tickStep(span: number, count: number): number {
  const raw = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const lead = raw / power; // in [1, 10)
  // Geometric means of neighbours: the factor that is nearest on a logarithmic axis.
  return power * (lead < Math.SQRT2 ? 1 : lead < Math.sqrt(10) ? 2 : lead < Math.sqrt(50) ? 5 : 10);
}

/** Multiples of the step in [low, high]. */
export function linearTicks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const step = tickStep(high - low, count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // i·step has rounding dust for steps below 1 (3·0.1); a division by the inverse, which is whole, has none.
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
  const skip = Math.ceil((to - from + 1) / 8); // never more than eight decades labelled
  const ticks: number[] = [];
  for (let e = from; e <= to; e += skip) {
    for (const factor of factors) {
      const tick = Number(`${factor}e${e}`);
      if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push(tick);
    }
  }
  return ticks;
}

/** From values to pixels [start, end]; the domain grows to round ends. Never empty: equal or missing values get room. */
export function linearScale(values: Iterable<number>, start: number, end: number, count: number): Scale {
  let [low, high] = extent(values);
  if (low === high) {
    const room = Math.abs(low) * 0.1 || 1;
    low -= room;
    high += room;
  }
  const step = tickStep(high - low, count);
  low = Math.floor(low / step + 1e-9) * step;
  high = Math.ceil(high / step - 1e-9) * step;
  return {
    kind: "linear",
    domain: [low, high],
    ticks: linearTicks(low, high, count),
    at: (value) => start + ((value - low) / (high - low)) * (end - start),
  };
}

/** As `linearScale`, for the logarithms of positive values. The others have no place on it and are ignored. */
export function logScale(values: Iterable<number>, start: number, end: number): Scale {
  let [low, high] = extent(Array.from(values).filter((value) => value > 0));
  if (low <= 0) [low, high] = [1, 10]; // no positive value
  if (low === high) [low, high] = [low / 2, high * 2];
  const ratio = Math.log(high / low);
  return {
    kind: "log",
    domain: [low, high],
    ticks: logTicks(low, high),
    at: (value) => start + (Math.log(value / low) / ratio) * (end - start),
  };
}

/** Least and greatest of the finite values; [0, 0] when there is none. */
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

/** A tick as text: `0.05`, `2,000`, `20k`, `5e-5`, with a true minus sign. */
export function showTick(value: number): string {
  const size = Math.abs(value);
  let text: string;
  if (size === 0) text = "0";
  else if (size < 1e-3 || size >= 1e9) text = size.toExponential().replace("+", "");
  else if (size >= 1e6) text = `${trim(size / 1e6)}M`;
  else if (size >= 1e4) text = `${trim(size / 1e3)}k`;
  else if (size >= 1e3) text = size.toLocaleString("en");
  else text = trim(size);
  return value < 0 ? `−${text}` : text;
}

const trim = (value: number): string => String(Number(value.toPrecision(6)));
