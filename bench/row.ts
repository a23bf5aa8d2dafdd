/**
 * What every bench yields: one row per case, printed as a line for people or as one JSON object a line.
 *
 * A row may have a bar, what is asked of it, and then says whether it holds:
 *
 *     atLeast(row, { openblas: 0.95 })         of ratios       bar {"openblas":0.95}        ok true
 *     atMost(row, { nsPerElement: 0.78 })      of figures      bar "nsPerElement <= 0.78"   ok false
 */

type Ratios = Readonly<Record<string, number>>;

/** What was measured. */
export interface Measured {
  readonly bench: string;
  readonly case: string;
  /** This project's figure over the anchor's, so that more is better: 2 means twice as fast. Only anchors that were run. */
  readonly ratio: Ratios;
  readonly [figure: string]: unknown;
}

export interface Row extends Measured {
  /** What is asked: the least of each ratio, or words; absent where nothing is. */
  readonly bar?: Ratios | string;
  /** Whether what is asked holds of the anchors that were run; absent where none was. */
  readonly ok?: boolean;
}

export interface BenchOptions {
  /** Folder in which the packages of peers/package.json are installed. */
  readonly peers?: string | undefined;
  /** Path of a Python that has the peers' packages. */
  readonly python?: string | undefined;
  /** Also a row for every kernel of a step. */
  readonly profile?: boolean;
}

/** Whether every ratio that was taken is at least what is asked of it; `undefined` where none was. */
export function holds(ratio: Ratios, least: Ratios): boolean | undefined {
  const taken = Object.keys(least).filter((anchor) => anchor in ratio);
  return taken.length === 0 ? undefined : taken.every((anchor) => ratio[anchor] >= least[anchor]);
}

/** The row with a bar on its ratios. An anchor that is not installed decides nothing. */
export function atLeast(row: Measured, least: Ratios): Row {
  const ok = holds(row.ratio, least);
  return { ...row, bar: least, ...(ok === undefined ? {} : { ok }) };
}

/** The row with a bar on its figures. */
export function atMost(row: Measured, most: Readonly<Record<string, number>>): Row {
  const bar = Object.entries(most)
    .map(([figure, limit]) => `${figure} <= ${limit}`)
    .join(", ");
  return { ...row, bar, ok: Object.entries(most).every(([figure, limit]) => Number(row[figure]) <= limit) };
}

/** The best of `runs` timings, in seconds, after `warmup` runs that are not counted. */
export function best(run: () => void, runs: number, warmup: number): number {
  for (let i = 0; i < warmup; i++) run();
  let seconds = Number.POSITIVE_INFINITY;
  for (let i = 0; i < runs; i++) {
    const start = performance.now();
    run();
    seconds = Math.min(seconds, (performance.now() - start) / 1e3);
  }
  return seconds;
}
