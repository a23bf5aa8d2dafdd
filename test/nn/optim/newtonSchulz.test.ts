import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { orthogonalize } from "../../../src/nn/index.ts";
import { matmul, Rng, ShapeError, scope, type Tensor, tensor, transpose } from "../../../src/tensor/index.ts";
import { expectSameBits, expectWithin } from "../../support/expect.ts";

const drawn = (shape: readonly number[], seed: number, dtype: "f32" | "f64" = "f64", size = 1): Tensor => {
  const rng = new Rng(seed);
  const n = shape.reduce((a, b) => a * b, 1);
  return tensor(Array.from({ length: n }, () => Math.fround(size * rng.normal())), shape, dtype); // biome-ignore format: one line
};

/** A matrix with given singular values: rotations of the plane on both sides of a diagonal. */
function withSingularValues(values: readonly number[], seed: number): Tensor {
  const n = values.length;
  const rng = new Rng(seed);
  const rotate = (x: Float64Array): void => {
    for (let i = 0; i < n; i++) {
      for (let j = i + 1; j < n; j++) {
        const turn = rng.between(0, 2 * Math.PI);
        const [c, s] = [Math.cos(turn), Math.sin(turn)];
        for (let k = 0; k < n; k++) {
          const [a, b] = [x[i * n + k], x[j * n + k]];
          x[i * n + k] = c * a - s * b;
          x[j * n + k] = s * a + c * b;
        }
      }
    }
  };
  const x = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? values[i % n] : 0));
  rotate(x);
  const turned = transpose(tensor(x, [n, n], "f64")).toArray() as Float64Array;
  rotate(turned);
  return tensor(turned, [1, n, n], "f64");
}

/** σ after the iteration: the polynomial five times, on σ/‖·‖. */
function image(sigma: number, norm: number): number {
  let x = sigma / (norm + 1e-7);
  for (let i = 0; i < 5; i++) x = 3.4445 * x - 4.775 * x ** 3 + 2.0315 * x ** 5;
  return x;
}

describe("orthogonalize", () => {
  it("acts on every singular value by its polynomial, which takes all but the smallest to about 1", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 2, maxLength: 6 }), fc.nat(1e6), (values, seed) => {
        scope(() => {
          const x = orthogonalize(withSingularValues(values, seed));
          const squares = matmul(x, x, { transposeB: true }); // its eigenvalues are the σ²
          const n = values.length;
          const trace = [...squares.toArray()].reduce((sum, value, i) => sum + (i % (n + 1) === 0 ? value : 0), 0);
          const norm = Math.hypot(...values);
          expect(trace).toBeCloseTo(values.reduce((sum, sigma) => sum + image(sigma, norm) ** 2, 0), 8);
        });
      }),
    ); // biome-ignore format: one property
    for (let sigma = 0.004; sigma <= 1; sigma += 0.001) {
      expect(image(sigma, 1)).toBeGreaterThan(0.3);
      expect(image(sigma, 1)).toBeLessThan(1.21);
    }
    for (let sigma = 0.02; sigma <= 1; sigma += 0.001) expect(image(sigma, 1)).toBeGreaterThan(0.65);
  });

  it("does not depend on the size of a matrix, nor on the others", () => {
    const x = drawn([3, 5, 9], 1);
    const whole = orthogonalize(x).toArray();
    for (let i = 0; i < 3; i++) {
      expectSameBits(orthogonalize(x.view([1, 5, 9], i * 45)).toArray(), whole.slice(i * 45, (i + 1) * 45));
    }
    expectWithin(orthogonalize(drawn([3, 5, 9], 1, "f64", 1024)).toArray(), whole, 1e-6); // but for the 1e-7
  });

  it("in f32 equals f64 within the roundings of fifteen products", () => {
    const [got, want] = (["f32", "f64"] as const).map((dtype) => orthogonalize(drawn([2, 33, 70], 3, dtype)).toArray());
    expectWithin(got, want, 3e-5);
  });

  it("of a matrix that is higher than wide is the transpose of that of its transpose", () => {
    const x = drawn([2, 9, 5], 4);
    expectWithin(orthogonalize(x).toArray(), transpose(orthogonalize(transpose(x))).toArray(), 1e-12);
  });

  it("leaves zeros at zero, and rejects a single matrix", () => {
    expect([...orthogonalize(tensor(new Array(12).fill(0), [2, 2, 3])).toArray()]).toEqual(new Array(12).fill(0));
    expect(() => orthogonalize(drawn([3, 2], 1))).toThrow(new ShapeError("orthogonalize: [3, 2] is not [n, r, c]"));
  });
});
