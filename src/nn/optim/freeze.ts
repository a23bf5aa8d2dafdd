/** Freezing: parameters that training does not change, such as a pre-trained image tower (LiT, Zhai et al. 2021, arXiv:2111.07991). */
import type { Variable } from "../../autograd/index.ts";
import { OptimizerError } from "./errors.ts";
import { pathPattern } from "./pathPattern.ts";

/**
 * Freezes the parameters whose whole path matches a pattern: they get no gradient, and an optimizer made afterwards leaves them
 * out. Throws `OptimizerError` if a pattern is invalid or matches no path; then nothing is frozen.
 */
export function freeze(parameters: ReadonlyMap<string, Variable>, patterns: readonly string[]): void {
  const paths = [...parameters.keys()];
  const frozen = patterns.flatMap((pattern) => {
    const compiled = pathPattern(pattern);
    const matched = paths.filter((path) => compiled.test(path));
    if (matched.length > 0) return matched;
    throw new OptimizerError(
      `freeze: the pattern ${JSON.stringify(pattern)} matches no parameter; a pattern must match a whole path, such as ${paths[0]}`,
    );
  });
  for (const path of frozen) (parameters.get(path) as Variable).requiresGrad = false;
}
