/**
 * The result of every bench: one row per case, printed as a line of text or as a JSON object.
 *
 * A row may have a bar, a requirement, and then says whether it holds:
 *
 *     atLeast(row, { openblas: 0.95 })         of ratios       bar {"openblas":0.95}        ok true
 *     atMost(row, { nsPerElement: 0.78 })      of figures      bar "nsPerElement <= 0.78"   ok false
 */

type Ratios = Readonly<Record<string, number>>;

/** What was measured. */
export interface Measured {
  readonly bench: string;
  readonly case: string;
  /** Speed of this project over that of each anchor: 2 means twice as fast. Only anchors that were run. */
  readonly ratio: Ratios;
  readonly [figure: string]: unknown;
}

export interface Row extends Measured {
  /** The requirement: the least value of each ratio, or text. */
  readonly bar?: Ratios | string;
  /** Whether the bar holds for the anchors that were run; absent if none was. */
  readonly ok?: boolean;
}

export interface BenchOptions {
  /** Folder in which the packages of peers/package.json are installed. */
  readonly peers?: string | undefined;
  /** Path of a Python with the packages of the peers. */
  readonly python?: string | undefined;
  /** Also a row for every kernel of a step. */
  readonly profile?: boolean;
}

/** Whether every measured ratio reaches its bar; `undefined` if none was measured. */
export function holds(ratio: Ratios, least: Ratios): boolean | undefined {
  const taken = Object.keys(least).filter((anchor) => anchor in ratio);
  return taken.length === 0 ? undefined : taken.every((anchor) => ratio[anchor] >= least[anchor]);
}

/** The row with a bar on its ratios. Anchors that are not installed are ignored. */
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
