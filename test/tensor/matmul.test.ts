import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  add,
  concat,
  eye,
  linear,
  matmul,
  matmulTimes,
  mul,
  ShapeError,
  slice,
  type Tensor,
  tensor,
  transpose,
  useKernels,
  zeros,
} from "../../src/tensor/index.ts";
import { gamma, U32, U64 } from "../support/bounds.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { kernelSets } from "../support/kernelSets.ts";
import { normals } from "../support/tensors.ts";

/** Sides around the register tiles and vector lanes, and one beyond a panel. */
const side = fc.oneof(
  { weight: 9, arbitrary: fc.integer({ min: 1, max: 20 }) },
  { weight: 1, arbitrary: fc.constantFrom(33, 70) },
);
const seed = fc.nat();

/** A·B and |A|·|B| in f64, by plain loops. */
function byHand(a: Tensor, b: Tensor): { product: Float64Array; sizes: Float64Array } {
  const [m, k] = a.shape;
  const n = b.shape[1];
  const product = new Float64Array(m * n);
  const sizes = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      for (let p = 0; p < k; p++) {
        const term = a.data[i * k + p] * b.data[p * n + j];
        product[i * n + j] += term;
        sizes[i * n + j] += Math.abs(term);
      }
    }
  }
  return { product, sizes };
}

const sets = [
  ...kernelSets.map(([name, kernels]) => [`f32 by ${name}`, "f32", U32, kernels] as const),
  ["f64", "f64", U64, undefined] as const,
];

describe.each(sets)("matmul in %s", (_, dtype, u, kernels) => {
  beforeAll(() => useKernels(kernels));
  afterAll(() => useKernels(undefined));

  it("is within γ_K·|A||B| of the exact product, with every pair of transposes", () => {
    fc.assert(
      fc.property(side, side, side, seed, (m, k, n, seed) => {
        const [a, b] = [normals(seed, [m, k], dtype), normals(seed + 1, [k, n], dtype)];
        const { product, sizes } = byHand(a, b);
        const bound = sizes.map((size) => 2 * gamma(k + 1, u) * size);
        const [at, bt] = [transpose(a), transpose(b)];
        expectWithin(matmul(a, b).toArray(), product, bound, "A·B");
        expectWithin(matmul(at, b, { transposeA: true }).toArray(), product, bound, "(Aᵀ)ᵀ·B");
        expectWithin(matmul(a, bt, { transposeB: true }).toArray(), product, bound, "A·(Bᵀ)ᵀ");
        expectWithin(matmul(at, bt, { transposeA: true, transposeB: true }).toArray(), product, bound, "(Aᵀ)ᵀ·(Bᵀ)ᵀ");
      }),
      { numRuns: 60 },
    );
  });

  it("keeps A when B is the identity, and gives 0 when it is 0", () => {
    fc.assert(
      fc.property(side, side, seed, (m, k, seed) => {
        const a = normals(seed, [m, k], dtype);
        expectSameBits(matmul(a, eye(k, dtype)).toArray(), a.toArray());
        expectSameBits(matmul(eye(m, dtype), a).toArray(), a.toArray());
        expect(
          matmul(a, zeros([k, 3], dtype))
            .toArray()
            .every((value) => value === 0),
        ).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("transposed is the product of the transposed factors in reverse, bit for bit", () => {
    fc.assert(
      fc.property(side, side, side, seed, (m, k, n, seed) => {
        const [a, b] = [normals(seed, [m, k], dtype), normals(seed + 1, [k, n], dtype)];
        expectSameBits(matmul(transpose(b), transpose(a)).toArray(), transpose(matmul(a, b)).toArray());
      }),
      { numRuns: 60 },
    );
  });

  it("in blocks of rows or of columns is the whole, bit for bit; in blocks of K within the bound", () => {
    fc.assert(
      fc.property(side, side, side, fc.nat(), fc.nat(), fc.nat(), seed, (m, k, n, atM, atN, atK, seed) => {
        const [a, b] = [normals(seed, [m, k], dtype), normals(seed + 1, [k, n], dtype)];
        const whole = matmul(a, b).toArray();
        const [i, j, p] = [atM % (m + 1), atN % (n + 1), atK % (k + 1)];
        const rows = concat([matmul(slice(a, 0, 0, i), b), matmul(slice(a, 0, i, m), b)], 0);
        expectSameBits(rows.toArray(), whole, "rows");
        const columns = concat([matmul(a, slice(b, 1, 0, j)), matmul(a, slice(b, 1, j, n))], 1);
        expectSameBits(columns.toArray(), whole, "columns");
        const [left, right] = [
          matmul(slice(a, 1, 0, p), slice(b, 0, 0, p)).toArray(),
          matmul(slice(a, 1, p, k), slice(b, 0, p, k)).toArray(),
        ];
        const { sizes } = byHand(a, b);
        expectWithin(
          Float64Array.from(left, (value, at) => value + right[at]),
          whole,
          sizes.map((s) => 4 * gamma(k + 1, u) * s),
          "K",
        );
      }),
      { numRuns: 60 },
    );
  });

  it("of a batch is the product of each entry alone, bit for bit, however it broadcasts", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        side,
        side,
        side,
        fc.nat(2),
        fc.boolean(),
        fc.boolean(),
        seed,
        (batch, m, k, n, which, transposeA, transposeB, seed) => {
          const [aShape, bShape] = [transposeA ? [k, m] : [m, k], transposeB ? [n, k] : [k, n]];
          const a = normals(seed, which === 1 ? aShape : [batch, ...aShape], dtype);
          const b = normals(seed + 1, which === 2 ? bShape : [batch, ...bShape], dtype);
          const out = matmul(a, b, { transposeA, transposeB });
          expect(out.shape).toEqual([batch, m, n]);
          for (let i = 0; i < batch; i++) {
            const one = matmul(
              which === 1 ? a : a.view(aShape, i * m * k),
              which === 2 ? b : b.view(bShape, i * k * n),
              { transposeA, transposeB },
            );
            expectSameBits(out.view([m, n], i * m * n).toArray(), one.toArray(), `entry ${i}`);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it("does not let a NaN in one row or column reach another", () => {
    fc.assert(
      fc.property(side, side, side, fc.nat(), seed, (m, k, n, at, seed) => {
        const [a, b] = [normals(seed, [m, k], dtype), normals(seed + 1, [k, n], dtype)];
        const row = at % m;
        a.data[row * k] = Number.NaN;
        matmul(a, b)
          .toArray()
          .forEach((value, index) => {
            expect(Number.isNaN(value)).toBe(Math.floor(index / n) === row);
          });
      }),
      { numRuns: 30 },
    );
  });

  it("adds a residual and multiplies by a factor with the bits of operations of their own", () => {
    fc.assert(
      fc.property(side, side, side, seed, (rows, inputs, outputs, seed) => {
        const x = normals(seed, [2, rows, inputs], dtype);
        const [kernel, bias] = [normals(seed + 1, [inputs, outputs], dtype), normals(seed + 2, [outputs], dtype)];
        const other = normals(seed + 3, [2, rows, outputs], dtype);
        const turned = transpose(kernel);
        expectSameBits(linear(x, kernel, bias, other).toArray(), add(linear(x, kernel, bias), other).toArray());
        expectSameBits(matmulTimes(x, kernel, other).toArray(), mul(matmul(x, kernel), other).toArray());
        const times = matmulTimes(x, turned, other, { transposeB: true });
        expectSameBits(times.toArray(), mul(matmul(x, turned, { transposeB: true }), other).toArray());
      }),
      { numRuns: 40 },
    );
  });

  it("with a bias row is linear, over any leading axes", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), side, side, side, seed, (batch, rows, inputs, outputs, seed) => {
        const x = normals(seed, [batch, rows, inputs], dtype);
        const [kernel, bias] = [normals(seed + 1, [inputs, outputs], dtype), normals(seed + 2, [outputs], dtype)];
        const out = linear(x, kernel, bias);
        expect(out.shape).toEqual([batch, rows, outputs]);
        const { product, sizes } = byHand(x.view([batch * rows, inputs]), kernel);
        const expected = product.map((value, i) => value + bias.data[i % outputs]);
        const bound = sizes.map((size, i) => 2 * gamma(inputs + 2, u) * (size + Math.abs(bias.data[i % outputs])));
        expectWithin(out.toArray(), expected, bound);
        expectWithin(linear(x, kernel).toArray(), product, bound);
      }),
      { numRuns: 40 },
    );
  });
});

describe("matmul", () => {
  it("gives zeros over an inner axis of 0 and an empty tensor for no rows", () => {
    expect([...matmul(zeros([2, 0]), zeros([0, 2])).data]).toEqual([0, 0, 0, 0]);
    expect(matmul(zeros([0, 3]), zeros([3, 2])).shape).toEqual([0, 2]);
    expect([...linear(zeros([2, 0]), zeros([0, 1]), tensor([5], [1])).data]).toEqual([5, 5]);
  });

  it.each<[string, () => unknown]>([
    [
      "matmul: inner axes differ, [8, 768] · [512, 768] (768 ≠ 512); did you mean transposeB?",
      () => matmul(zeros([8, 768]), zeros([512, 768])),
    ],
    ["matmul: inner axes differ, [2, 3] · [4, 5] (3 ≠ 4)", () => matmul(zeros([2, 3]), zeros([4, 5]))],
    ["matmul: [3] · [3, 2]; both need two axes or more", () => matmul(zeros([3]), zeros([3, 2]))],
    ["matmul: [2] and [3] do not broadcast (2 against 3)", () => matmul(zeros([2, 1, 1]), zeros([3, 1, 1]))],
    ["matmul: f32 [1, 1] with f64 [1, 1]; convert one with cast", () => matmul(zeros([1, 1]), zeros([1, 1], "f64"))],
    [
      "linear: f32 [2, 3] with f64 [4]; convert one with cast",
      () => linear(zeros([2, 3]), zeros([3, 4]), zeros([4], "f64")),
    ],
    ["linear: [2, 3] · [4, 5] do not fit", () => linear(zeros([2, 3]), zeros([4, 5]))],
    ["linear: [2, 3] · [3, 5] + [4] do not fit", () => linear(zeros([2, 3]), zeros([3, 5]), zeros([4]))],
    [
      "linear: [3, 5] cannot be added to an output [2, 5]",
      () => linear(zeros([2, 3]), zeros([3, 5]), undefined, zeros([3, 5])),
    ],
    [
      "matmulTimes: a factor [5] does not fit a product [2, 5]",
      () => matmulTimes(zeros([2, 3]), zeros([3, 5]), zeros([5])),
    ],
    [
      "matmulTimes: needs one matrix on the right, and a left one that is not transposed",
      () => matmulTimes(zeros([3, 2]), zeros([3, 5]), zeros([2, 5]), { transposeA: true }),
    ],
  ])("says: %s", (message, run) => {
    expect(run).toThrow(new ShapeError(message));
  });
});
