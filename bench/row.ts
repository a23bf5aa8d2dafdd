/** What every bench yields: one row per case, printed as a line for people or as one JSON object a line. */

export interface Row {
  readonly bench: string;
  readonly case: string;
  /** This project's figure over the anchor's, so that more is better: 2 means twice as fast. */
  readonly ratio: Readonly<Record<string, number>>;
  readonly [figure: string]: unknown;
}

export interface BenchOptions {
  /** Folder in which the peers (other libraries on the same work) are installed. */
  readonly peers?: string | undefined;
  /** Path of a Python that has the peers' packages. */
  readonly python?: string | undefined;
  /** Also a row for every kernel of a step. */
  readonly profile?: boolean;
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
