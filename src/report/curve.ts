/** Curves of a run: smoothing, and thinning that keeps every spike. */
import { group, maxIndex, minIndex, sort } from "d3-array";

export type Point = readonly [x: number, y: number];

/**
 * Exponential moving average with a memory of up to `span` points:
 *
 *   m ← m + (y − m) / min(span, 1 + n/4)   for the n-th value, n from 0
 *
 * The memory starts at one point and grows with the run, so that a steep start is not smeared, which would show on a
 * logarithmic axis. Values that are not finite are left out.
 */
export function smooth(points: readonly Point[], span: number): Point[] {
  let mean = 0;
  const out: Point[] = [];
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) continue;
    mean += (y - mean) / Math.min(Math.max(1, span), 1 + out.length / 4);
    out.push([x, mean]);
  }
  return out;
}

/**
 * At most about `limit` points: the lowest and the highest of each of limit/2 intervals of equal width under `position`, in
 * order. Every spike stays visible.
 */
export function thin(points: readonly Point[], limit: number, position: (x: number) => number): Point[] {
  if (points.length <= limit) return [...points];
  const first = position(points[0][0]);
  const width = (position(points[points.length - 1][0]) - first) / (limit / 2);
  const intervals = group(points, ([x]) => Math.floor((position(x) - first) / width));
  const y = (point: Point) => point[1];
  return Array.from(intervals.values()).flatMap((interval) => {
    const ends = new Set([minIndex(interval, y), maxIndex(interval, y)]);
    return sort(ends).map((i) => interval[i]);
  });
}
