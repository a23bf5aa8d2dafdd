/** Curves of a run: smoothed, and thinned to what a chart can show without losing a spike. */

export type Point = readonly [x: number, y: number];

/**
 * Exponential moving average with a memory of `span` points, unbiased at the start:
 *
 *   m ← β·m + (1 − β)·y,   value = m / (1 − β^n),   β = 1 − 1/span
 *
 * A value that is not finite is left out of the average and of the curve.
 */
export function smooth(points: readonly Point[], span: number): Point[] {
  const beta = 1 - 1 / Math.max(1, span);
  let mean = 0;
  let weight = 0; // 1 − β^n
  const out: Point[] = [];
  for (const [x, y] of points) {
    if (!Number.isFinite(y)) continue;
    mean = beta * mean + (1 - beta) * y;
    weight = beta * weight + (1 - beta);
    out.push([x, mean / weight]);
  }
  return out;
}

/**
 * At most about `limit` points: the lowest and the highest of each of limit/2 stretches of equal width under `position`,
 * in their order. Every spike stays visible.
 */
export function thin(points: readonly Point[], limit: number, position: (x: number) => number): Point[] {
  if (points.length <= limit) return [...points];
  const first = position(points[0][0]);
  const width = (position(points[points.length - 1][0]) - first) / (limit / 2);
  const out: Point[] = [];
  let stretch: Point[] = [];
  let current = 0;
  const flush = () => {
    if (stretch.length === 0) return;
    let low = 0;
    let high = 0;
    stretch.forEach(([, y], i) => {
      if (y < stretch[low][1]) low = i;
      if (y > stretch[high][1]) high = i;
    });
    out.push(stretch[Math.min(low, high)]);
    if (low !== high) out.push(stretch[Math.max(low, high)]);
    stretch = [];
  };
  for (const point of points) {
    const index = Math.floor((position(point[0]) - first) / width);
    if (index !== current) {
      flush();
      current = index;
    }
    stretch.push(point);
  }
  flush();
  return out;
}
