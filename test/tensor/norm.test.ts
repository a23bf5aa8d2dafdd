import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  l2Normalize,
  l2NormalizeGrad,
  layerNorm,
  layerNormGrad,
  ones,
  Rng,
  ShapeError,
  type Tensor,
  tensor,
  zeros,
} from "../../src/tensor/index.ts";
import { gamma, U32, U64 } from "../support/bounds.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { seeds, width } from "../support/generators.ts";
import { dot, normals } from "../support/tensors.ts";

const DTYPES = [
  ["f32", U32],
  ["f64", U64],
] as const;

/** Rows of any size: 1e-29 to 1e29 times normal numbers. */
const sizedRow = fc
  .record({ d: width, exponent: fc.integer({ min: -29, max: 29 }), seed: seeds })
  .map(({ d, exponent, seed }) => {
    const rng = new Rng(seed);
    return Array.from({ length: d }, () => Math.fround(rng.normal() * 10 ** exponent));
  });
const norm = (row: ArrayLike<number>): number => Math.hypot(...Array.from(row));
const finite = (x: Tensor): boolean => x.toArray().every(Number.isFinite);

describe.each(DTYPES)("l2Normalize in %s", (dtype, u) => {
  const row = (values: ArrayLike<number>) => tensor(values, [1, values.length], dtype);
  const of = (values: ArrayLike<number>, eps = 0) => l2Normalize(row(values), eps).value.toArray();
  const grad = (values: ArrayLike<number>, g: ArrayLike<number>, eps = 0): Tensor => {
    const x = row(values);
    return l2NormalizeGrad(x, l2Normalize(x, eps).norm, row(g), eps);
  };
  const cotangent = (d: number): number[] => Array.from({ length: d }, (_, i) => Math.fround(Math.cos(3 * i + 1)));

  it("gives rows of length 1, whether their entries are near 1e29 or 1e-29", () => {
    fc.assert(
      fc.property(sizedRow, (values) => {
        fc.pre(norm(values) > 1e-30);
        expect(Math.abs(norm(of(values)) - 1)).toBeLessThanOrEqual(3 * u + gamma(values.length, U64));
      }),
      {
        examples: [
          [[1e20, 1e20].map(Math.fround)],
          [[1e-23, -1e-23].map(Math.fround)],
          [[1e38, 1e38].map(Math.fround)],
        ],
      },
    );
  });

  it("with ε gives rows of length ‖u‖/(‖u‖ + ε)", () => {
    fc.assert(
      fc.property(sizedRow, fc.constantFrom(1e-8, 1e-3, 1), (values, eps) => {
        const size = norm(values);
        expect(Math.abs(norm(of(values, eps)) - size / (size + eps))).toBeLessThanOrEqual(
          4 * u + gamma(values.length, U64),
        );
      }),
    );
  });

  it("does not depend on the length of a row, and changes sign with it: bit for bit for powers of two and −1", () => {
    fc.assert(
      fc.property(sizedRow, fc.integer({ min: -20, max: 20 }), (values, k) => {
        const unit = of(values);
        expectSameBits(of(values.map((x) => x * 2 ** k)), unit, "2ᵏ·u");
        expectSameBits(
          of(values.map((x) => -x)),
          Array.from(unit, (x) => -x),
          "−u",
        );
        expectWithin(of(values.map((x) => Math.fround(x * 3))), unit, 2 * U32 + 4 * u, "3·u");
      }),
    );
  });

  it("has gradients orthogonal to the row", () => {
    fc.assert(
      fc.property(sizedRow, (values) => {
        fc.pre(norm(values) > 1e-28 && norm(values) < 1e28);
        const g = cotangent(values.length);
        const dx = grad(values, g);
        const size = norm(values);
        // The subtracted part is as large as g/‖u‖: its rounding remains along the row.
        const limit = (8 * u + gamma(values.length, U64)) * size * (norm(dx.data) + norm(g) / size);
        expect(Math.abs(dot(row(values), dx))).toBeLessThanOrEqual(limit + 2 ** -149 * size * values.length);
      }),
    );
  });

  it("has gradients of degree −1: twice the row, half the gradient, bit for bit", () => {
    fc.assert(
      fc.property(sizedRow, fc.integer({ min: -6, max: 6 }), (values, k) => {
        fc.pre(norm(values) > 1e-20 && norm(values) < 1e20);
        const g = cotangent(values.length);
        const scaled = grad(
          values.map((x) => x * 2 ** k),
          g,
        ).toArray();
        expectSameBits(
          scaled,
          Array.from(grad(values, g).toArray(), (dx) => dx / 2 ** k),
        );
      }),
    );
  });

  it("gives exactly 0 for a row of zeros, and a gradient of exactly 0", () => {
    fc.assert(
      fc.property(width, fc.constantFrom(0, 1e-8), (d, eps) => {
        const nothing = new Array<number>(d).fill(0);
        expectSameBits(of(nothing, eps), nothing);
        expectSameBits(grad(nothing, cotangent(d), eps).toArray(), nothing);
      }),
    );
  });

  it("of one number gives its sign, with a gradient that vanishes", () => {
    fc.assert(
      fc.property(sizedRow, ([value]) => {
        fc.pre(Math.abs(value) > 1e-30);
        expect(of([value])[0]).toBe(Math.sign(value));
        expect(Math.abs(grad([value], [0.7]).item() * value)).toBeLessThanOrEqual(2 * u);
      }),
    );
  });

  it("treats every row separately, bit for bit, forward and backward", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), width, fc.nat(), seeds, (n, d, which, seed) => {
        const x = normals(seed, [n, d], dtype);
        const g = normals(seed + 1, [n, d], dtype);
        const run = (input: Tensor) => {
          const { value, norm } = l2Normalize(input, 1e-8);
          return [value.toArray(), l2NormalizeGrad(input, norm, g, 1e-8).toArray()];
        };
        const changed = which % n;
        const before = run(x);
        x.data.fill(Number.NaN, changed * d, (changed + 1) * d);
        const after = run(x);
        const others = (rows: ArrayLike<number>) => Array.from(rows).filter((_, i) => Math.floor(i / d) !== changed);
        expectSameBits(others(after[0]), others(before[0]), "rows");
        expectSameBits(others(after[1]), others(before[1]), "gradients");
        expect(after[0][changed * d]).toBeNaN();
      }),
    );
  });

  it("passes NaN and ∞ on as NaN, never as a unit row", () => {
    expect([...of([Number.NaN, 1])].every(Number.isNaN)).toBe(true);
    expect([...of([Number.POSITIVE_INFINITY, 1])].some(Number.isNaN)).toBe(true);
  });
});

describe.each(DTYPES)("layerNorm in %s", (dtype, u) => {
  const plain = (x: Tensor, eps = 1e-6) => {
    const d = x.shape[x.shape.length - 1];
    return layerNorm(x, ones([d], dtype), zeros([d], dtype), eps);
  };
  const wide = width.filter((d) => d > 1);

  it("gives rows of mean 0 and variance var/(var + ε)", () => {
    fc.assert(
      fc.property(wide, seeds, (d, seed) => {
        const x = normals(seed, [3, d], dtype);
        const { value } = plain(x);
        for (let i = 0; i < 3; i++) {
          const row = value.toArray().slice(i * d, (i + 1) * d);
          const source = x.toArray().slice(i * d, (i + 1) * d);
          const mean = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0) / d;
          const variance = (values: ArrayLike<number>) => {
            const mu = mean(values);
            return Array.from(values).reduce((sum, v) => sum + (v - mu) ** 2, 0) / d;
          };
          // Each entry errs by a few units of the largest |x|·rstd of its row.
          const spread = Math.max(...Array.from(source, Math.abs)) / Math.sqrt(variance(source) + 1e-6);
          const off = 8 * u * (1 + spread);
          expect(Math.abs(mean(row))).toBeLessThanOrEqual(off);
          const v = variance(source);
          expect(Math.abs(variance(row) - v / (v + 1e-6))).toBeLessThanOrEqual(4 * off + 1e-12);
        }
      }),
    );
  });

  it("does not depend on a factor or a shift of its row when ε is 0", () => {
    fc.assert(
      fc.property(
        wide,
        seeds,
        fc.double({ min: 0.1, max: 10, noNaN: true }),
        fc.double({ min: -5, max: 5, noNaN: true }),
        (d, seed, alpha, beta) => {
          const x = normals(seed, [1, d], dtype);
          const moved = tensor(
            Array.from(x.data, (value) => alpha * value + beta),
            [1, d],
            dtype,
          );
          const { value, rstd } = plain(x, 0);
          fc.pre(rstd.item() < 20);
          // Rounding α·x + β adds an error of u·|β|, which is scaled by 1/σ.
          const off =
            32 *
            u *
            (1 + (rstd.item() * (5 + alpha * 4)) / alpha) *
            (1 + Math.max(...Array.from(value.data, Math.abs)));
          expectWithin(plain(moved, 0).value.toArray(), value.toArray(), off);
        },
      ),
    );
  });

  it("scales and shifts by column, with gradients that are sums over rows", () => {
    fc.assert(
      fc.property(wide, seeds, (d, seed) => {
        const x = normals(seed, [4, d], dtype);
        const [scale, bias, g] = [
          normals(seed + 1, [d], dtype),
          normals(seed + 2, [d], dtype),
          normals(seed + 3, [4, d], dtype),
        ];
        const hat = plain(x);
        const out = layerNorm(x, scale, bias, 1e-6);
        const expected = Array.from(hat.value.data, (h, i) => h * scale.data[i % d] + bias.data[i % d]);
        expectWithin(
          out.value.toArray(),
          expected,
          Array.from(
            expected,
            (_, i) => 4 * u * (Math.abs(hat.value.data[i] * scale.data[i % d]) + Math.abs(bias.data[i % d])),
          ),
        );
        const { dscale, dbias } = layerNormGrad(x, scale, out, g);
        for (let j = 0; j < d; j++) {
          const column = [0, 1, 2, 3].map((i) => i * d + j);
          const sizes = column.reduce((sum, at) => sum + Math.abs(g.data[at]) * (1 + Math.abs(hat.value.data[at])), 0);
          expectWithin([dbias.data[j]], [column.reduce((sum, at) => sum + g.data[at], 0)], 8 * u * sizes, "dbias");
          expectWithin(
            [dscale.data[j]],
            [column.reduce((sum, at) => sum + g.data[at] * hat.value.data[at], 0)],
            40 * u * sizes * 4,
            "dscale",
          );
        }
      }),
    );
  });

  it("has gradients orthogonal to 1 and to the normalized row", () => {
    fc.assert(
      fc.property(wide, seeds, (d, seed) => {
        const [x, g] = [normals(seed, [1, d], dtype), normals(seed + 1, [1, d], dtype)];
        const result = plain(x, 0);
        fc.pre(result.rstd.item() < 20);
        const { dx } = layerNormGrad(x, ones([d], dtype), result, g);
        const size = result.rstd.item() * norm(g.data) * (1 + norm(result.value.data));
        const off = (d + 16) * u * size * (1 + norm(result.value.data));
        expect(Math.abs(dot(dx, ones([1, d], dtype)))).toBeLessThanOrEqual(off);
        expect(Math.abs(dot(dx, result.value))).toBeLessThanOrEqual(off);
      }),
    );
  });

  it("gives the bias for a constant row, finite with its gradients", () => {
    const x = tensor(new Array(8).fill(3), [1, 8], dtype);
    const result = layerNorm(x, ones([8], dtype), tensor([1, 2, 3, 4, 5, 6, 7, 8], [8], dtype), 1e-6);
    expect([...result.value.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    const { dx, dscale } = layerNormGrad(x, ones([8], dtype), result, normals(1, [1, 8], dtype));
    expect(finite(dx)).toBe(true);
    expect([...dscale.data].every((value) => value === 0)).toBe(true);
  });

  it("treats every row separately, bit for bit", () => {
    fc.assert(
      fc.property(width, seeds, (d, seed) => {
        const x = normals(seed, [5, d], dtype);
        const together = plain(x).value.toArray();
        for (let i = 0; i < 5; i++) {
          expectSameBits(plain(x.view([1, d], i * d)).value.toArray(), together.slice(i * d, (i + 1) * d), `row ${i}`);
        }
      }),
    );
  });
});

it("layerNorm names the shapes that do not fit", () => {
  expect(() => layerNorm(zeros([2, 3]), zeros([2]), zeros([3]), 1e-6)).toThrow(
    new ShapeError("layerNorm: scale [2] and bias [3] must both be [3] for x [2, 3]"),
  );
  expect(() => layerNorm(zeros([2, 3]), zeros([3], "f64"), zeros([3]), 1e-6)).toThrow(ShapeError);
  expect(() => layerNorm(zeros([2, 3]), zeros([3]), zeros([3], "f64"), 1e-6)).toThrow(
    new ShapeError("layerNorm: f32 [2, 3] with f64 [3]; convert one with cast"),
  );
});
