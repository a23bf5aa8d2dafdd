/**
 * Patterns of parameter names in the configuration, tried on the names before a run folder is made: a pattern that matches no
 * parameter has no effect, and one that backtracks without end would hang the run.
 */
import { runInNewContext } from "node:vm";
import leven from "leven";
import { pathPattern } from "../nn/index.ts";
import type { Problem } from "./configError.ts";

/** Milliseconds for one pattern on all names. An ordinary one takes less than one; `(.*)*x` would take centuries. */
const BUDGET = 1000;

export interface PatternProblems {
  /** Patterns that no run can use. */
  readonly unusable: readonly Problem[];
  /** Patterns without effect. */
  readonly idle: readonly Problem[];
}

/** Whether a value is a valid pattern of moderate length. */
export function isPattern(value: unknown): boolean {
  if (typeof value !== "string" || value.length > 200) return false;
  try {
    pathPattern(value);
    return true;
  } catch {
    return false;
  }
}

/** Tries every pattern of a key on the paths of the trained parameters; the first pattern that matches a path applies to it. */
export function tryPatterns(
  key: string,
  patterns: readonly { readonly match: string }[],
  paths: readonly string[],
  budget: number = BUDGET,
): PatternProblems {
  const unusable: Problem[] = [];
  const idle: Problem[] = [];
  let left = paths;
  for (const { match } of patterns) {
    const shown = `${key}: the pattern ${JSON.stringify(match)}`;
    const matched = matching(match, paths, budget);
    if (typeof matched === "string") {
      unusable.push({ code: "CONFIG_RANGE", key, detail: `${shown} ${matched}` });
      continue;
    }
    const taken = new Set(matched);
    if (matched.length === 0) {
      const detail = `${shown} matches no parameter that is trained; a pattern must match a whole path, such as ${nearestPath(match, paths)}`;
      idle.push({ code: "CONFIG_RANGE", key, detail });
    } else if (!left.some((path) => taken.has(path))) {
      const detail = `${shown} has no effect: earlier patterns match all of its parameters, and the first match applies`;
      idle.push({ code: "CONFIG_COMBINATION", key, detail });
    }
    left = left.filter((path) => !taken.has(path));
  }
  return { unusable, idle };
}

/** Tries every pattern of frozen parameters on the paths of all; returns why no run can use them. */
export function tryFrozen(patterns: readonly string[], paths: readonly string[], budget: number = BUDGET): Problem[] {
  const key = "optim.frozen";
  const left = new Set(paths);
  const problems = patterns.flatMap((pattern): Problem[] => {
    const shown = `${key}: the pattern ${JSON.stringify(pattern)}`;
    const matched = matching(pattern, paths, budget);
    if (typeof matched === "string") return [{ code: "CONFIG_RANGE", key, detail: `${shown} ${matched}` }];
    for (const path of matched) left.delete(path);
    if (matched.length > 0) return [];
    const detail = `${shown} matches no parameter; a pattern must match a whole path, such as ${nearestPath(pattern, paths)}`;
    return [{ code: "CONFIG_RANGE", key, detail }];
  });
  if (left.size > 0) return problems;
  return [
    ...problems,
    { code: "CONFIG_COMBINATION", key, detail: `${key} leaves no parameter to train; leave some out` },
  ];
}

/** The matching paths, or a description of the pattern's problem. */
function matching(match: string, paths: readonly string[], budget: number): string[] | string {
  try {
    const pattern = pathPattern(match);
    // Node can interrupt a running regular expression only in a separate context.
    return runInNewContext(
      "matching()",
      { matching: () => paths.filter((path) => pattern.test(path)) },
      { timeout: budget },
    );
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ERR_SCRIPT_EXECUTION_TIMEOUT"
      ? `takes more than ${budget / 1000} s on the parameter names; avoid a repetition inside a repetition, as in (.*)*`
      : `cannot be used: ${message}`;
  }
}

/** The path that contains a pattern's letters in order with the fewest changes; letters between them are free. */
export function nearestPath(match: string, paths: readonly string[]): string {
  const letters = match.replace(/\\p\{[^}]*\}|\\.|[^\p{L}\d/]/gu, "");
  const changes = (path: string): number => leven(letters, path) - Math.max(0, path.length - letters.length);
  return paths.reduce((best, path) => (changes(path) < changes(best) ? path : best));
}
