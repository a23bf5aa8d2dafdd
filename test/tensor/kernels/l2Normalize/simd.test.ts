import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { L2NormalizeKernels } from "../../../../src/tensor/kernels/l2Normalize/interface.ts";
import { simdL2Normalize } from "../../../../src/tensor/kernels/l2Normalize/simd.ts";
import { expectClose, heap, oracle, run, sameBits, tables, U, uniform, VARIANTS } from "../arena.ts";

const forward = (kernels: L2NormalizeKernels, rows: number, cols: number, x: Float32Array, eps = 1e-8) =>
  run([x], [rows * cols, rows], ([px], [y, norm]) => kernels.l2Normalize(rows, cols, eps, px, y, norm));
const backward = (
  kernels: L2NormalizeKernels,
  rows: number,
  cols: number,
  x: Float32Array,
  norm: Float32Array,
  g: Float32Array,
) =>
  run([x, norm, g], [rows * cols], ([px, pn, pg], [dx]) =>
    kernels.l2NormalizeGrad(rows, cols, 1e-8, px, pn, pg, dx),
  )[0];

const sizes = fc.constantFrom(1, 1e20, 3e38, 1e-23);

describe.each(VARIANTS)("l2Normalize, %o", (variant) => {
  const kernels = simdL2Normalize(heap, variant);

  test("equals the oracle within one rounding for entries of 3e38, 1e20, 1 and 1e-23", () => {
    fc.assert(
      fc.property(tables, sizes, ({ rows, cols, seed }, size) => {
        const x = uniform(rows * cols, seed, size);
        const [y, norm] = forward(kernels, rows, cols, x);
        const [wantY, wantNorm] = forward(oracle, rows, cols, x);
        expectClose(y, wantY, (i) => 2 * U * Math.abs(wantY[i]));
        expectClose(norm, wantNorm, (i) => 2 * U * wantNorm[i]);
      }),
    );
  });

  test("without eps gives rows of length 1, also for subnormal entries", () => {
    fc.assert(
      fc.property(tables, fc.constantFrom(1, 1e20, 1e-42), ({ rows, cols, seed }, size) => {
        const x = uniform(rows * cols, seed, size).map((value) => value || Math.fround(size));
        const [y] = forward(kernels, rows, cols, x, 0);
        for (let i = 0; i < rows; i++) {
          expect(Math.abs(Math.hypot(...y.subarray(i * cols, (i + 1) * cols)) - 1)).toBeLessThan(U * Math.sqrt(cols));
        }
      }),
    );
  });

  test("a zero row gives zeros, without eps too, and so does its gradient", () => {
    const [x, g] = [Float32Array.of(0, 0, 0, 0, 0, 3, 0, 4, 0, 0), uniform(10, 1)];
    const [y, norm] = forward(kernels, 2, 5, x, 0);
    expect([...norm]).toEqual([0, 5]);
    expectClose(y, Float32Array.of(0, 0, 0, 0, 0, 0.6, 0, 0.8, 0, 0), () => U);
    const dx = backward(kernels, 2, 5, x, norm, g);
    expect([...dx.subarray(0, 5)]).toEqual([0, 0, 0, 0, 0]);
    expectClose(dx, backward(oracle, 2, 5, x, norm, g), () => U);
  });

  test("the gradient equals the oracle within three roundings of ‖g‖ / ‖x‖", () => {
    fc.assert(
      fc.property(tables, fc.constantFrom(1, 1e17, 1e-17), ({ rows, cols, seed }, size) => {
        const [x, g] = [uniform(rows * cols, seed, size), uniform(rows * cols, seed + 1)];
        const [, norm] = forward(oracle, rows, cols, x);
        const got = backward(kernels, rows, cols, x, norm, g);
        const bound = (i: number) => 3 * U * (Math.sqrt(cols) / norm[Math.floor(i / cols)]);
        expectClose(got, backward(oracle, rows, cols, x, norm, g), bound);
      }),
    );
  });

  test("of a row has the same bits whatever the other rows and their number", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed }) => {
        const [x, g] = [uniform(rows * cols, seed), uniform(rows * cols, seed + 1)];
        const [y, norm] = forward(kernels, rows, cols, x);
        const dx = backward(kernels, rows, cols, x, norm, g);
        for (let i = 0; i < rows; i++) {
          const part = (values: Float32Array) => values.slice(i * cols, (i + 1) * cols);
          const [yAlone, normAlone] = forward(kernels, 1, cols, part(x));
          expect(sameBits(yAlone, part(y))).toBe(true);
          expect(sameBits(backward(kernels, 1, cols, part(x), normAlone, part(g)), part(dx))).toBe(true);
        }
      }),
    );
  });
});
