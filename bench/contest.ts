/**
 * Times programs against each other: they take turns in short rounds, and the best round of each counts.
 *
 * A shared machine has slow and fast seconds; turns spread both over all programs, and some short round meets no other load.
 * So ratios compare programs of one contest, never of two runs.
 *
 * If a round holds several calls, all but the first find their data in the caches. Rounds of such a contest begin with a call that
 * is not timed: else the program after one that fills the caches would pay for it, the more, the fewer calls its rounds hold.
 */

const ROUND_MS = 1; // short, so that some round meets no other load; a longer body is one round

export interface ContestOptions {
  readonly leastRounds?: number;
  readonly leastMs?: number;
  /** Whether the best seconds so far suffice. If not, other load may be the cause, and the contest goes on ... */
  readonly enough?: (seconds: readonly number[]) => boolean;
  /** ... for at most this time. */
  readonly mostMs?: number;
}

/** Milliseconds that `calls` calls take. */
function time(calls: number, body: () => void): number {
  const start = performance.now();
  for (let i = 0; i < calls; i++) body();
  return performance.now() - start;
}

/** How many calls fill one round. The first of all, which compiles the program, is not timed. */
function callsARound(body: () => void): number {
  body();
  let calls = 1;
  for (let ms = time(1, body); ms < ROUND_MS; ms = time(calls, body)) {
    calls = Math.max(calls + 1, Math.ceil((calls * ROUND_MS * 1.1) / Math.max(ms, 0.01)));
  }
  return calls;
}

/** The best seconds a call of each body. */
export function contest(
  bodies: readonly (() => void)[],
  { leastRounds = 8, leastMs = 120, enough = () => true, mostMs = 2000 }: ContestOptions = {},
): number[] {
  const entrants = bodies.map((body) => ({ body, calls: callsARound(body), best: Number.POSITIVE_INFINITY }));
  const isRepeated = entrants.some(({ calls }) => calls > 1);
  const seconds = () => entrants.map(({ best }) => best / 1e3);
  const start = performance.now();
  const elapsed = () => performance.now() - start;
  for (
    let round = 0;
    round < leastRounds || elapsed() < leastMs || (elapsed() < mostMs && !enough(seconds()));
    round++
  ) {
    for (const each of entrants) {
      if (isRepeated) each.body();
      each.best = Math.min(each.best, time(each.calls, each.body) / each.calls);
    }
  }
  return seconds();
}
