/**
 * Gradient check by central differences, in f64: (f(x + h) − f(x − h)) / 2h against the gradient from `backward`.
 *
 * It also checks your own operations: build a scalar from them and pass f64 inputs.
 */
import { ShapeError, type Tensor } from "../tensor/index.ts";
import { backward } from "./backward.ts";
import { noGrad } from "./noGrad.ts";
import { parameter, type Variable } from "./variable.ts";

/** Result of `gradcheck`. */
export interface GradcheckResult {
  /** Largest |analytic − numeric| / max(1, |numeric|) over all inputs; ∞ if one of them is NaN. */
  readonly error: number;
  /** Where that is: `input 1, element 7: analytic 0.25, numeric 0.5`. */
  readonly worst: string;
}

/** Compares the gradients of the scalar f(...inputs) with central differences of step `h`. Inputs must be f64. */
export function gradcheck(
  f: (...inputs: Variable[]) => Variable,
  inputs: readonly Tensor[],
  h = 1e-5,
): GradcheckResult {
  for (const input of inputs) {
    if (input.dtype !== "f64")
      throw new ShapeError("gradcheck: inputs must be f64; f32 cannot resolve the differences");
  }
  const leaves = inputs.map(parameter);
  backward(f(...leaves));
  let error = 0;
  let worst = "no difference";
  leaves.forEach((leaf, i) => {
    const analytic = leaf.grad?.toArray() ?? new Float64Array(leaf.value.size);
    for (let j = 0; j < leaf.value.size; j++) {
      const at = (shift: number): number => {
        const data = leaf.value.data;
        const before = data[j];
        data[j] = before + shift;
        const y = noGrad(() => f(...leaves)).value.item();
        leaf.value.data[j] = before;
        return y;
      };
      const numeric = (at(h) - at(-h)) / (2 * h);
      const difference = Math.abs(analytic[j] - numeric) / Math.max(1, Math.abs(numeric));
      if (!(difference <= error)) {
        error = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference;
        worst = `input ${i}, element ${j}: analytic ${analytic[j]}, numeric ${numeric}`;
      }
    }
  });
  return { error, worst };
}
