import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simdReduce } from "../../../../src/tensor/kernels/reduce/simd.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, tables, uniform, VARIANTS } from "../arena.ts";

const OPS = ["sumAlongRows", "sumOverRows", "maxAlongRows"] as const;
type Op = (typeof OPS)[number];
const reduce = (kernels: Pick<typeof oracle, Op>, op: Op, rows: number, cols: number, x: Float32Array): Float32Array =>
  run([x], [op === "sumOverRows" ? cols : rows], ([px], [out]) => kernels[op](rows, cols, px, out))[0];

describe.each(VARIANTS)("row and column reductions, %o", (variant) => {
  const kernels = simdReduce(heap, variant);

  test("sums along rows are the exact sums, rounded once, of numbers that f64 adds exactly", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed }) => {
        const x = uniform(rows * cols, seed, 2 ** 30).map(Math.round);
        const want = reduce(oracle, "sumAlongRows", rows, cols, x);
        expectClose(reduce(kernels, "sumAlongRows", rows, cols, x), want, () => 0);
      }),
    );
  });

  test("sums over rows are the exact sums, rounded once, up to 2⁻²³ of all sizes added", () => {
    fc.assert(
      fc.property(tables, fc.constantFrom(1, 2 ** 30, 1e-30), ({ rows, cols, seed }, size) => {
        const x = uniform(rows * cols, seed, size);
        const sizes = reduce(oracle, "sumOverRows", rows, cols, x.map(Math.abs));
        const want = reduce(oracle, "sumOverRows", rows, cols, x);
        const bound = (i: number) => 2 ** -23 * sizes[i] + 2 ** -23 * Math.abs(want[i]);
        expectClose(reduce(kernels, "sumOverRows", rows, cols, x), want, bound);
      }),
    );
  });

  test("sums over many rows keep what a sum in f32 would lose", () => {
    const rows = 4 * 2 ** 12;
    const x = new Float32Array(rows).fill(1);
    x[0] = 2 ** 25;
    expect([...reduce(kernels, "sumOverRows", rows, 1, x)]).toEqual([2 ** 25 + rows - 4]); // only the first four rows lose
  });

  test("sums along a row of numbers beyond half of the f32 range that do not add up beyond it are exact", () => {
    const x = Float32Array.of(3e38, 3e38, 3e38, -3e38, -3e38);
    expect([...reduce(kernels, "sumAlongRows", 1, 5, x)]).toEqual([Math.fround(3e38)]);
  });

  test("maxAlongRows equals Math.max, also for NaN, −0 and an empty row", () => {
    const numbers = fc.oneof(fc.float(), fc.constantFrom(Number.NaN, -0, 0, Number.NEGATIVE_INFINITY));
    fc.assert(
      fc.property(fc.array(numbers, { maxLength: 40 }), (values) => {
        const x = Float32Array.from(values);
        expect([...reduce(kernels, "maxAlongRows", 1, x.length, x)]).toEqual([Math.max(...x)]);
      }),
    );
    fc.assert(
      fc.property(tables, ({ rows, cols, seed }) => {
        const x = uniform(rows * cols, seed);
        const want = reduce(oracle, "maxAlongRows", rows, cols, x);
        expect(sameBits(reduce(kernels, "maxAlongRows", rows, cols, x), want)).toBe(true);
      }),
    );
  });

  test("sum and sumSquares accumulate in f64: they differ from the oracle by less than 1e-13 of all sizes added", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1000 }), seeds, fc.constantFrom(1, 1e19, 1e-19), (n, seed, size) => {
        const x = uniform(n, seed, size);
        run([x], [], ([px]) => {
          const sizes = x.reduce((total, value) => total + Math.abs(value), 0);
          expect(Math.abs(kernels.sum(n, px) - oracle.sum(n, px))).toBeLessThanOrEqual(1e-13 * sizes);
          const squares = oracle.sumSquares(n, px);
          expect(Math.abs(kernels.sumSquares(n, px) - squares)).toBeLessThanOrEqual(1e-13 * squares);
        });
      }),
    );
  });

  test("sum keeps a small number beside large ones that cancel", () => {
    run([[1e8, 1, -1e8, 2 ** -20]], [], ([px]) => expect(kernels.sum(4, px)).toBe(1 + 2 ** -20));
  });
});

test.runIf(VARIANTS.length > 1)("sums have the same bits with and without fused operations", () => {
  const [plain, fused] = VARIANTS.map((variant) => simdReduce(heap, variant));
  run([uniform(1003, 3)], [], ([px]) => {
    expect(fused.sum(1003, px)).toBe(plain.sum(1003, px));
    expect(fused.sumSquares(1003, px)).toBe(plain.sumSquares(1003, px));
  });
});
