/**
 * Whether the patterns of `optim.multipliers` do what somebody meant, tried on the names of the parameters before a run
 * folder is made: a pattern that takes no parameter changes nothing, and one that takes for ever stops the run.
 */
import { runInNewContext } from "node:vm";
import { pathPattern } from "../nn/index.ts";
import type { Multiplier, Problem } from "./config.ts";

/** Milliseconds for one pattern on all names. An ordinary one needs less than one; `(.*)*x` would need centuries. */
const BUDGET = 1000;

const KEY = "optim.multipliers";

export interface PatternProblems {
  /** Patterns that no run can be made with. */
  readonly unusable: readonly Problem[];
  /** Patterns without effect. */
  readonly idle: readonly Problem[];
}

/** Tries every pattern on the paths of the parameters that are trained; the first pattern that matches a path takes it. */
export function tryPatterns(
  multipliers: readonly Multiplier[],
  paths: readonly string[],
  budget: number = BUDGET,
): PatternProblems {
  const unusable: Problem[] = [];
  const idle: Problem[] = [];
  let left = paths;
  for (const { match } of multipliers) {
    const shown = `${KEY}: the pattern ${JSON.stringify(match)}`;
    const matched = matching(match, paths, budget);
    if (typeof matched === "string") {
      unusable.push({ code: "CONFIG_RANGE", key: KEY, detail: `${shown} ${matched}` });
      continue;
    }
    const taken = new Set(matched);
    if (matched.length === 0) {
      const detail = `${shown} matches no parameter that is trained; a pattern must match a whole path, such as ${nearestPath(match, paths)}`;
      idle.push({ code: "CONFIG_RANGE", key: KEY, detail });
    } else if (!left.some((path) => taken.has(path))) {
      const detail = `${shown} has no effect: patterns before it match all of its parameters, and the first match counts`;
      idle.push({ code: "CONFIG_COMBINATION", key: KEY, detail });
    }
    left = left.filter((path) => !taken.has(path));
  }
  return { unusable, idle };
}

/** The paths that match, or what is wrong with the pattern. */
function matching(match: string, paths: readonly string[], budget: number): string[] | string {
  try {
    const pattern = pathPattern(match);
    // Node can end a regular expression that is running only in a context of its own.
    return runInNewContext(
      "matching()",
      { matching: () => paths.filter((path) => pattern.test(path)) },
      { timeout: budget },
    );
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
      ? `needs more than ${budget / 1000} s for the names of the parameters; avoid a repetition inside a repetition, as in (.*)*`
      : `cannot be used: ${message}`;
  }
}

/** The path that holds most of a pattern's letters in their order: with the fewest to insert, drop or change. */
export function nearestPath(match: string, paths: readonly string[]): string {
  const letters = match.replace(/\\p\{[^}]*\}|\\.|[^\p{L}\d/]/gu, "");
  let best = { path: "", distance: Number.POSITIVE_INFINITY };
  for (const path of paths) {
    const distance = lettersMissing(letters, path);
    if (distance < best.distance) best = { path, distance };
  }
  return best.path;
}

/** Letters to insert, drop or change until `part` stands somewhere in `whole`. */
function lettersMissing(part: string, whole: string): number {
  let row = new Array<number>(whole.length + 1).fill(0); // it may begin anywhere
  for (let i = 1; i <= part.length; i++) {
    const next = [i];
    for (let j = 1; j <= whole.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (part[i - 1] === whole[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return Math.min(...row);
}
