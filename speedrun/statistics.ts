/** Mean and 95 % interval of a few seeds, by Student's t distribution: x̄ ± t·s/√n, s² = Σ(x − x̄)²/(n − 1). */

/** The 0.975 quantiles of the t distribution with 1, 2, ... degrees of freedom. */
const T_QUANTILES = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];

/** The most values that `summarize` takes. */
export const MOST_SEEDS = T_QUANTILES.length + 1;

/** A mean with its 95 % interval; of one value the interval is everything. */
export interface Summary {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Mean and 95 % interval of 1 to `MOST_SEEDS` values. */
export function summarize(values: readonly number[]): Summary {
  const n = values.length;
  const mean = values.reduce((sum, x) => sum + x, 0) / n;
  if (n === 1) return { mean, low: Number.NEGATIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (n - 1);
  const half = T_QUANTILES[n - 2] * Math.sqrt(variance / n);
  return { mean, low: mean - half, high: mean + half };
}
