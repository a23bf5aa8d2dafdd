/** The tracks: what a record has to reach, and which of two is better (docs/RECORDS.md). */
import type { Summary } from "./statistics.ts";

/** What the seeds of a record gave together. */
export interface Measured {
  /** R@1 text → image, from 0 to 1. */
  readonly recall: Summary;
  /** The most of any seed. */
  readonly gflop: number;
}

interface Track {
  readonly goal: string;
  /** Whether a result counts on this track. */
  holds(measured: Measured): boolean;
  /** Negative if a is better than b. */
  compare(a: Measured, b: Measured): number;
}

const within = (budget: number): Track => ({
  goal: `best R@1 within ${budget.toLocaleString("en")} GFLOP`,
  holds: ({ gflop }) => gflop <= budget,
  compare: (a, b) => b.recall.mean - a.recall.mean,
});

export const TRACKS = {
  to30: {
    goal: "fewest GFLOP to an R@1 of 30 %, lower end of the interval at least 29 %",
    holds: ({ recall: { mean, low } }) => mean >= 0.3 && low >= 0.29,
    compare: (a, b) => a.gflop - b.gflop,
  },
  within3000: within(3_000),
  within12000: within(12_000),
} as const satisfies Record<string, Track>;

export type TrackName = keyof typeof TRACKS;
