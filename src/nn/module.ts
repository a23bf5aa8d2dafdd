/**
 * A module is a plain object; its parameters are found by a walk over its fields, and the path of each is its name in checkpoints.
 *
 *     parametersOf(model) → image/encoder/blocks/0/mlp/dense1/kernel, ...
 */
import { Variable } from "../autograd/index.ts";

/** Every parameter by its path, in the order of the fields. */
export function parametersOf(module: object): Map<string, Variable> {
  const found = new Map<string, Variable>();
  const walk = (value: unknown, path: string): void => {
    if (value instanceof Variable) {
      found.set(path, value);
    } else if (Array.isArray(value) || isModule(value)) {
      for (const [field, entry] of Object.entries(value)) walk(entry, path === "" ? field : `${path}/${field}`);
    }
  };
  walk(module, "");
  return found;
}

/** The parameters that are not frozen, in the order of the fields. Every step asks for them: no paths are built. */
export function trainedParameters(module: object): Variable[] {
  const found: Variable[] = [];
  const walk = (part: object): void => {
    for (const value of Object.values(part)) {
      if (value instanceof Variable) {
        if (value.requiresGrad) found.push(value);
      } else if (isModule(value)) {
        walk(value);
      }
    }
  };
  walk(module);
  return found;
}

/** Whether the walk goes into a value: into objects, not into tensors, typed arrays and functions. */
const isModule = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !ArrayBuffer.isView(value) && !("dtype" in value);

/** The number of scalars in all parameters. */
export function countParameters(module: object): number {
  let count = 0;
  for (const { value } of parametersOf(module).values()) count += value.size;
  return count;
}
