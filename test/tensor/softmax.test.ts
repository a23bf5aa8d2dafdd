import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { logSumExp, ShapeError, softmax, softmaxGrad, tensor, zeros } from "../../src/tensor/index.ts";
import { U32, U64 } from "../support/bounds.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { orderOf, reorder } from "../support/generators.ts";

const DTYPES = [
  ["f32", U32],
  ["f64", U64],
] as const;
const KERNEL = 8; // units that exp of a kernel may err by
const TINY = 2 ** -125; // below the normal numbers of float32 a kernel may give 0

const rows = fc.array(fc.float({ min: -100, max: 100, noNaN: true }), { minLength: 1, maxLength: 40 });

describe.each(DTYPES)("softmax in %s", (dtype, u) => {
  const of = (values: ArrayLike<number>) => softmax(tensor(values, [values.length], dtype)).toArray();

  it("gives shares that sum to 1 and equal e^x/Σe^x", () => {
    fc.assert(
      fc.property(rows, (row) => {
        const shares = of(row);
        const top = Math.max(...row);
        const total = row.reduce((sum, x) => sum + Math.exp(x - top), 0);
        const exact = row.map((x) => Math.exp(x - top) / total);
        // x − top is rounded once: an error of |x − top|·u in the exponent.
        const bound = exact.map((share, i) => share * (2 * KERNEL + 2 * Math.abs(row[i] - top) + 8) * u + TINY);
        expectWithin(shares, exact, bound);
        const sum = Array.from(shares).reduce((a, b) => a + b, 0);
        expect(Math.abs(sum - 1)).toBeLessThanOrEqual((row.length + 2) * u);
      }),
    );
  });

  it("does not change when a constant is added to all entries", () => {
    fc.assert(
      fc.property(
        rows,
        fc.oneof(fc.float({ min: -50, max: 50, noNaN: true }), fc.constantFrom(1e4, -1e4)),
        (row, c) => {
          const size = 1 + Math.abs(c) + Math.max(...row.map(Math.abs));
          const shares = of(row);
          expectWithin(
            of(row.map((x) => x + c)),
            shares,
            Array.from(shares, (s) => 8 * u * s * size + 16 * KERNEL * u * s + TINY),
          );
        },
      ),
    );
  });

  it("permutes with its entries", () => {
    fc.assert(
      fc.property(rows, fc.nat(), (row, seed) => {
        const order = orderOf(row.length, seed);
        const shares = of(row);
        const bound = Array.from(reorder(shares, order, 1), (s) => 2 * (row.length + 2) * U64 * s + 4 * u * s);
        expectWithin(of(reorder(row, order, 1)), reorder(shares, order, 1), bound);
      }),
    );
  });

  it("is exactly 1 where all others are −∞, and where there is only one", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.nat(),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        (n, at, value) => {
          const row = new Array<number>(n).fill(Number.NEGATIVE_INFINITY);
          row[at % n] = value;
          expectSameBits(
            of(row),
            row.map((_, i) => (i === at % n ? 1 : 0)),
          );
        },
      ),
    );
  });

  it("treats every row separately, bit for bit", () => {
    fc.assert(
      fc.property(fc.array(rows, { minLength: 1, maxLength: 5 }), (list) => {
        const cols = Math.min(...list.map((row) => row.length));
        const cut = list.map((row) => row.slice(0, cols));
        const together = softmax(tensor(cut.flat(), [cut.length, cols], dtype)).toArray();
        expectSameBits(
          together,
          cut.flatMap((row) => [...of(row)]),
        );
      }),
    );
  });

  it("has a gradient whose rows sum to 0", () => {
    fc.assert(
      fc.property(rows, fc.nat(), (row, seed) => {
        const shares = tensor(of(row), [row.length], dtype);
        const g = tensor(
          row.map((_, i) => Math.fround(Math.sin(seed + i * i) * 10)),
          [row.length],
          dtype,
        );
        const back = softmaxGrad(shares, g).toArray();
        const size = Math.max(...Array.from(g.data, Math.abs));
        const sum = Array.from(back).reduce((a, b) => a + b, 0);
        expect(Math.abs(sum)).toBeLessThanOrEqual((row.length + 6) * u * size);
      }),
    );
  });
});

describe.each(DTYPES)("logSumExp in %s", (dtype, u) => {
  const of = (values: ArrayLike<number>) => logSumExp(tensor(values, [values.length], dtype)).item();

  it("is the logarithm of the sum, moves with its entries, and overflows nowhere", () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(0, 1e4, -1e4), (row, c) => {
        const moved = Array.from(row, (x) => (dtype === "f32" ? Math.fround(x + c) : x + c));
        const top = Math.max(...moved);
        const exact = top + Math.log(moved.reduce((sum, x) => sum + Math.exp(x - top), 0));
        // The exponents x − top are at most 200 and rounded once.
        expectWithin([of(moved)], [exact], u * (4 * Math.abs(exact) + 2 * KERNEL + 400));
      }),
    );
  });

  it("of a row of −∞ is −∞, with +∞ is ∞, with NaN is NaN", () => {
    const { NEGATIVE_INFINITY, POSITIVE_INFINITY, NaN: nan } = Number;
    expect(of([NEGATIVE_INFINITY, NEGATIVE_INFINITY])).toBe(NEGATIVE_INFINITY);
    expect(of([1, POSITIVE_INFINITY])).toBe(POSITIVE_INFINITY);
    expect(of([1, nan])).toBeNaN();
    expect(of([NEGATIVE_INFINITY, 2])).toBe(2);
  });
});

it("softmax and logSumExp need a last axis", () => {
  expect(() => softmax(zeros([]))).toThrow(new ShapeError("softmax: [] has no last axis"));
  expect(() => logSumExp(zeros([]))).toThrow(new ShapeError("logSumExp: [] has no last axis"));
  expect(softmax(zeros([3, 0])).shape).toEqual([3, 0]);
});
