import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  Rng,
  type Shape,
  ShapeError,
  sigmoidBlock,
  slice,
  type Tensor,
  tensor,
  zeros,
} from "../../src/tensor/index.ts";

type DType = "f32" | "f64";
const U = { f32: 2 ** -24, f64: 2 ** -53 };

const random = (rng: Rng, shape: Shape, dtype: DType): Tensor =>
  tensor(
    Array.from({ length: shape[0] * shape[1] }, () => rng.uniform() - 0.5),
    shape,
    dtype,
  );

function block(x: Tensor, y: Tensor, t: number, b: number, positives: boolean) {
  const [dx, dy] = [zeros(x.shape, x.dtype), zeros(y.shape, y.dtype)];
  return { ...sigmoidBlock(x, y, t, b, positives, dx, dy), dx, dy };
}

/** The definition, pair by pair. */
function formula(x: Tensor, y: Tensor, t: number, b: number, positives: boolean) {
  const [n, d] = x.shape;
  const [m] = y.shape;
  const [dx, dy] = [new Float64Array(n * d), new Float64Array(m * d)];
  let loss = 0;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < m; j++) {
      let l = b;
      for (let k = 0; k < d; k++) l += t * x.data[i * d + k] * y.data[j * d + k];
      const label = positives && i === j ? 1 : 0;
      const g = 1 / (1 + Math.exp(-l)) - label;
      loss += Math.log1p(Math.exp(l)) - label * l;
      sum += g;
      for (let k = 0; k < d; k++) {
        dx[i * d + k] += g * y.data[j * d + k];
        dy[j * d + k] += g * x.data[i * d + k];
      }
    }
  }
  return { loss, sum, dx, dy };
}

const sides = [
  [1, 1],
  [192, 240], // a tile
  [193, 241],
  [800, 300], // more than one band
  [40, 600],
];

describe.each(["f32", "f64"] as const)("sigmoidBlock in %s", (dtype) => {
  test.each(sides)("is the formula for %i × %i pairs, with and without positives", (n, m) => {
    const rng = new Rng(n + m);
    const [x, y] = [random(rng.split("x"), [n, 3], dtype), random(rng.split("y"), [m, 3], dtype)];
    for (const positives of [true, false]) {
      const got = block(x, y, 4, -2, positives);
      const want = formula(x, y, 4, -2, positives);
      // |G| and the numbers of x and y are at most 1: every sum has n or m terms of at most ½, with their roundings.
      const most = (terms: number) => (terms + 40) * terms * U[dtype];
      const relative = 40 * U[dtype] + n * m * U.f64; // of the terms, and of the sum over pairs, which is in f64
      expect(Math.abs(got.loss - want.loss)).toBeLessThanOrEqual(relative * want.loss);
      expect(Math.abs(got.sum - want.sum)).toBeLessThanOrEqual(relative * n * m);
      want.dx.forEach((value, at) => {
        expect(Math.abs(got.dx.data[at] - value)).toBeLessThanOrEqual(most(m));
      });
      want.dy.forEach((value, at) => {
        expect(Math.abs(got.dy.data[at] - value)).toBeLessThanOrEqual(most(n));
      });
    }
  });

  test("gives a row of dx the same bits whatever other rows x has, and a row of dy whatever others y has", () => {
    const rng = new Rng(5);
    const [x, y] = [random(rng.split("x"), [800, 3], dtype), random(rng.split("y"), [300, 3], dtype)];
    const whole = block(x, y, 4, -2, false);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 799 }), fc.integer({ min: 0, max: 299 }), (i, j) => {
        const part = block(slice(x, 0, i, Math.min(800, i + 5)), slice(y, 0, 0, 300), 4, -2, false);
        expect([...part.dx.data.subarray(0, 3)]).toEqual([...whole.dx.data.subarray(3 * i, 3 * i + 3)]);
        const other = block(x, slice(y, 0, j, j + 1), 4, -2, false);
        expect([...other.dy.data]).toEqual([...whole.dy.data.subarray(3 * j, 3 * j + 3)]);
      }),
      { numRuns: 20 },
    );
  });
});

test("sigmoidBlock rejects shapes that do not fit", () => {
  const [x, y] = [zeros([2, 3], "f32"), zeros([4, 3], "f32")];
  expect(() => sigmoidBlock(x, zeros([4, 2], "f32"), 1, 0, false, x, y)).toThrow(ShapeError);
  expect(() => sigmoidBlock(x, y, 1, 0, false, y, y)).toThrow("sigmoidBlock: x [2, 3], y [4, 3], dx [4, 3], dy [4, 3]");
});
