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
