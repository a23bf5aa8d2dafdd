/** Patterns of parameter paths: regular expressions that match whole paths. */
import { OptimizerError } from "./errors.ts";

/** Compiles a pattern to a regular expression (flag `u`) that matches whole paths. Throws `OptimizerError` if it is invalid. */
export function pathPattern(pattern: string): RegExp {
  try {
    new RegExp(pattern, "u"); // alone first: the parentheses below must not make it valid
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch (error) {
    throw new OptimizerError(
      `optimizer: ${JSON.stringify(pattern)} is not a valid path pattern: ${(error as Error).message}`,
    );
  }
}

/** The path that contains a pattern's letters in order with the fewest insertions, deletions and substitutions. */
export function nearestPath(match: string, paths: readonly string[]): string {
  const letters = match.replace(/\\p\{[^}]*\}|\\.|[^\p{L}\d/]/gu, "");
  let best = { path: "", distance: Number.POSITIVE_INFINITY };
  for (const path of paths) {
    const distance = lettersMissing(letters, path);
    if (distance < best.distance) best = { path, distance };
  }
  return best.path;
}

/** The least edit distance between `part` and any substring of `whole`. */
function lettersMissing(part: string, whole: string): number {
  let row = new Array<number>(whole.length + 1).fill(0); // the substring may begin anywhere
  for (let i = 1; i <= part.length; i++) {
    const next = [i];
    for (let j = 1; j <= whole.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (part[i - 1] === whole[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return Math.min(...row);
}
