import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SoftmaxKernels } from "../../../../src/tensor/kernels/softmax/interface.ts";
import { simdSoftmax } from "../../../../src/tensor/kernels/softmax/simd.ts";
import { softmaxBackward16, softmaxForward16 } from "../../../../src/tensor/kernels/softmax/simd16.ts";
import { instantiate } from "../../../../src/tensor/wasm/module.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, tables, U, uniform, VARIANTS } from "../arena.ts";

const softmax = (kernels: SoftmaxKernels, rows: number, cols: number, x: Float32Array) =>
  run([x], [rows * cols], ([px], [y]) => kernels.softmax(rows, cols, px, y))[0];
const softmaxGrad = (kernels: SoftmaxKernels, rows: number, cols: number, y: Float32Array, g: Float32Array) =>
  run([y, g], [rows * cols], ([py, pg], [dx]) => kernels.softmaxGrad(rows, cols, py, pg, dx))[0];
const logSumExp = (kernels: SoftmaxKernels, rows: number, cols: number, x: Float32Array) =>
  run([x], [rows], ([px], [out]) => kernels.logSumExp(rows, cols, px, out))[0];

const { NEGATIVE_INFINITY, POSITIVE_INFINITY, NaN: NAN } = Number;
const sizes = fc.constantFrom(1, 30, 1e4, 3e38);
/** Roundings of eˣ and of the sum, and that of x − top, which the exponential makes a relative error. */
function bound(cols: number, x: Float32Array, y: Float32Array): (i: number) => number {
  const tops = Array.from({ length: x.length / cols }, (_, row) =>
    Math.max(...x.subarray(row * cols, (row + 1) * cols)),
  );
  return (i) => (8 + tops[Math.floor(i / cols)] - x[i]) * U * y[i] + SMALLEST;
}
const SMALLEST = 2 ** -126; // smaller results may be 0

describe.each(VARIANTS)("softmax, %o", (variant) => {
  const { kernels, scaled } = simdSoftmax(heap, variant);

  test("equals the oracle within 8 + |x − top| roundings for entries up to 1, 30, 1e4 and 3e38", () => {
    fc.assert(
      fc.property(tables, sizes, ({ rows, cols, seed }, size) => {
        const x = uniform(rows * cols, seed, size);
        const want = softmax(oracle, rows, cols, x);
        expectClose(softmax(kernels, rows, cols, x), want, bound(cols, x, want));
      }),
    );
  });

  test("equals the oracle within 8 + |x − top| roundings on rows of 20,000", () => {
    const x = uniform(20_000, 1, 5);
    const want = softmax(oracle, 1, x.length, x);
    expectClose(softmax(kernels, 1, x.length, x), want, bound(x.length, x, want));
  });

  test("gives exactly 1 to the only finite entry, equal shares to equal entries, NaN to a row of −∞", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 67 }), fc.nat(66), fc.constantFrom(0, -1e4, 3e38), (cols, at, value) => {
        const x = new Float32Array(3 * cols).fill(NEGATIVE_INFINITY);
        x[at % cols] = value;
        x.fill(value, cols, 2 * cols);
        const y = softmax(kernels, 3, cols, x);
        expect(y.indexOf(1)).toBe(at % cols);
        expect(y.subarray(0, cols).reduce((a, b) => a + b)).toBe(1);
        expect(y.subarray(cols, 2 * cols).every((share) => share === Math.fround(1 / cols))).toBe(true);
        expect(y.subarray(2 * cols).every(Number.isNaN)).toBe(true);
      }),
    );
  });

  test("a NaN or +∞ anywhere makes its row NaN, and no other", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 67 }),
        fc.nat(66),
        fc.constantFrom(NAN, POSITIVE_INFINITY),
        (cols, at, bad) => {
          const x = uniform(2 * cols, at);
          x[cols + (at % cols)] = bad;
          const y = softmax(kernels, 2, cols, x);
          expect(y.subarray(0, cols).some(Number.isNaN)).toBe(false);
          expect(y.subarray(cols).every(Number.isNaN)).toBe(true);
        },
      ),
    );
  });

  test("scaled by s is the softmax of s·x within 24 roundings for |x| ≤ 4", () => {
    fc.assert(
      fc.property(tables, fc.constantFrom(0.25, 0.125, 0.3), ({ rows, cols, seed }, s) => {
        const x = uniform(rows * cols, seed, 4);
        const [got] = run([x], [x.length], ([px], [y]) => scaled.softmax(rows, cols, s, px, y));
        const want = softmax(
          oracle,
          rows,
          cols,
          x.map((value) => value * s),
        );
        expectClose(got, want, (i) => 24 * U * want[i]);
      }),
    );
  });

  test("gradient equals the oracle within 16 roundings of y for |g| ≤ 1, and 4 when scaled by ¼", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed }) => {
        const y = softmax(oracle, rows, cols, uniform(rows * cols, seed, 5));
        const g = uniform(rows * cols, seed + 1);
        const want = softmaxGrad(oracle, rows, cols, y, g);
        expectClose(softmaxGrad(kernels, rows, cols, y, g), want, (i) => 16 * U * y[i]);
        const [got] = run([y, g], [y.length], ([py, pg], [dx]) => scaled.softmaxGrad(rows, cols, 0.25, py, pg, dx));
        expectClose(
          got,
          want.map((value) => value / 4),
          (i) => 4 * U * y[i],
        );
      }),
    );
  });

  test("and its gradient may overwrite their argument", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed }) => {
        const n = rows * cols;
        const [x, g] = [uniform(n, seed), uniform(n, seed + 1)];
        const y = softmax(kernels, rows, cols, x);
        const [inPlace] = run([x], [n], ([px], [out]) => {
          oracle.copy(n, px, out);
          kernels.softmax(rows, cols, out, out);
        });
        expect(sameBits(inPlace, y)).toBe(true);
        const [gradInPlace] = run([y, g], [n], ([py, pg], [out]) => {
          oracle.copy(n, pg, out);
          kernels.softmaxGrad(rows, cols, py, out, out);
        });
        expect(sameBits(gradInPlace, softmaxGrad(kernels, rows, cols, y, g))).toBe(true);
      }),
    );
  });

  test("of a row has the same bits whatever the other rows and their number", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed }) => {
        const [x, g] = [uniform(rows * cols, seed, 5), uniform(rows * cols, seed + 1)];
        const y = softmax(kernels, rows, cols, x);
        const dx = softmaxGrad(kernels, rows, cols, y, g);
        const sums = logSumExp(kernels, rows, cols, x);
        for (let i = 0; i < rows; i++) {
          const part = (values: Float32Array) => values.slice(i * cols, (i + 1) * cols);
          expect(sameBits(softmax(kernels, 1, cols, part(x)), part(y))).toBe(true);
          expect(sameBits(softmaxGrad(kernels, 1, cols, part(y), part(g)), part(dx))).toBe(true);
          expect(logSumExp(kernels, 1, cols, part(x))[0]).toBe(sums[i]);
        }
      }),
    );
  });
});

describe.each(VARIANTS)("softmax of rows of 16, %o", (variant) => {
  const { scaled } = simdSoftmax(heap, variant);
  const wasm = instantiate(heap.memory, variant, { softmax: softmaxForward16, softmaxGrad: softmaxBackward16 });
  const rowsOf16 = fc.record({
    rows: fc.integer({ min: 0, max: 11 }),
    keys: fc.integer({ min: 1, max: 16 }),
    seed: seeds,
  });

  test("has the bits of the general kernel, also in place and next to missing keys", () => {
    fc.assert(
      fc.property(rowsOf16, fc.constantFrom(1, 0.25, 0.3), ({ rows, keys, seed }, scale) => {
        const n = rows * 16;
        const x = uniform(n, seed, 5).map((value, i) => (i % 16 < keys ? value : NEGATIVE_INFINITY));
        const [y] = run([x], [n], ([px], [out]) => scaled.softmax(rows, 16, scale, px, out));
        const [inPlace, apart] = run([x], [n, n], ([px], [first, second]) => {
          oracle.copy(n, px, first);
          wasm.softmax(rows, scale, first, first);
          wasm.softmax(rows, scale, px, second);
        });
        expect([sameBits(inPlace, y), sameBits(apart, y)]).toEqual([true, true]);

        const g = seed % 2 === 0 ? uniform(n, seed + 1) : new Float32Array(n).fill(-0);
        const [dx] = run([y, g], [n], ([py, pg], [out]) => scaled.softmaxGrad(rows, 16, scale, py, pg, out));
        const [dInPlace] = run([y, g], [n], ([py, pg], [out]) => {
          oracle.copy(n, pg, out);
          wasm.softmaxGrad(rows, scale, py, out, out);
        });
        expect(sameBits(dInPlace, dx)).toBe(true);
      }),
    );
  });
});

describe.each(VARIANTS)("logSumExp, %o", (variant) => {
  const { kernels } = simdSoftmax(heap, variant);

  test("equals the oracle within 4 roundings of the largest entry and of the logarithm", () => {
    fc.assert(
      fc.property(tables, sizes, ({ rows, cols, seed }, size) => {
        const x = uniform(rows * cols, seed, size);
        const want = logSumExp(oracle, rows, cols, x);
        expectClose(logSumExp(kernels, rows, cols, x), want, (i) => 4 * U * (Math.abs(want[i]) + 5));
      }),
    );
  });

  test("of −∞ only is −∞, with +∞ it is +∞, with NaN it is NaN", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(39), (cols, at) => {
        const x = new Float32Array(4 * cols).fill(NEGATIVE_INFINITY);
        [2.5, POSITIVE_INFINITY, NAN].forEach((value, i) => {
          x[i * cols + (at % cols)] = value;
        });
        expect([...logSumExp(kernels, 4, cols, x)]).toEqual([2.5, POSITIVE_INFINITY, NAN, NEGATIVE_INFINITY]);
      }),
    );
  });
});
