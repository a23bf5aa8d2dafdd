import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as plain from "../../../../src/tensor/kernels/scalar/plain.ts";

const numbers = fc.double({ noNaN: true, noDefaultInfinity: true, min: -50, max: 50 });
const EPSILON = 2 ** -52;

// parity/torch/scalar.test.ts compares these functions with 50 digits; here are identities that hold for every number.
describe.each([
  ["gelu", plain.gelu, plain.geluDerivative],
  ["geluErf", plain.geluErf, plain.geluErfDerivative],
])("%s", (_, f, derivative) => {
  test("f(x) − f(−x) = x, and f′(x) + f′(−x) = 1", () => {
    fc.assert(
      fc.property(numbers, (x) => {
        expect(Math.abs(f(x) - f(-x) - x)).toBeLessThanOrEqual(4 * EPSILON * Math.abs(x) + Number.MIN_VALUE);
        expect(Math.abs(derivative(x) + derivative(-x) - 1)).toBeLessThanOrEqual(8 * EPSILON);
      }),
    );
  });

  test("f′ is the slope of f", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, min: -8, max: 8 }), (x) => {
        const h = 2 ** -17;
        const slope = (f(x + h) - f(x - h)) / (2 * h);
        expect(Math.abs(derivative(x) - slope)).toBeLessThan(1e-9);
      }),
    );
  });
});
