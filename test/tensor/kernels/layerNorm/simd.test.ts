import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LayerNormKernels } from "../../../../src/tensor/kernels/layerNorm/interface.ts";
import { simdLayerNorm } from "../../../../src/tensor/kernels/layerNorm/simd.ts";
import { expectClose, heap, oracle, run, sameBits, tables, U, uniform, VARIANTS } from "../arena.ts";

interface Table {
  readonly rows: number;
  readonly cols: number;
  readonly x: Float32Array;
  readonly scale: Float32Array;
  readonly bias: Float32Array;
  readonly g: Float32Array;
}

const EPS = 1e-6;
const table = (rows: number, cols: number, seed: number, mean = 0): Table => ({
  rows,
  cols,
  x: uniform(rows * cols, seed, 2, mean),
  scale: uniform(cols, seed + 1),
  bias: uniform(cols, seed + 2),
  g: uniform(rows * cols, seed + 3),
});
const row = ({ cols, x, g, ...rest }: Table, i: number): Table => ({
  ...rest,
  rows: 1,
  cols,
  x: x.subarray(i * cols, (i + 1) * cols),
  g: g.subarray(i * cols, (i + 1) * cols),
});

const forward = (kernels: LayerNormKernels, { rows, cols, x, scale, bias }: Table) =>
  run([x, scale, bias], [rows * cols, rows, rows], ([px, ps, pb], [y, mean, rstd]) =>
    kernels.layerNorm(rows, cols, EPS, px, ps, pb, y, mean, rstd),
  );
const backward = (
  kernels: LayerNormKernels,
  { rows, cols, x, scale, g }: Table,
  mean: Float32Array,
  rstd: Float32Array,
) =>
  run([x, scale, mean, rstd, g], [rows * cols, cols, cols], ([px, ps, pm, pr, pg], [dx, dscale, dbias]) =>
    kernels.layerNormGrad(rows, cols, px, ps, pm, pr, pg, dx, dscale, dbias),
  );

describe.each(VARIANTS)("layerNorm, %o", (variant) => {
  const kernels = simdLayerNorm(heap, variant);

  test("equals the oracle within 40 roundings of x̂·scale + bias, also around a mean of 1e4", () => {
    fc.assert(
      fc.property(tables, fc.constantFrom(0, 1, -1e4), ({ rows, cols, seed }, mean) => {
        const t = table(rows, cols, seed, mean);
        const [y, means, rstds] = forward(kernels, t);
        const [wantY, wantMeans, wantRstds] = forward(oracle, t);
        const bound = (i: number) =>
          40 * U * (Math.abs(wantY[i] - t.bias[i % cols]) + Math.abs(t.scale[i % cols]) + Math.abs(t.bias[i % cols]));
        expectClose(y, wantY, bound);
        expectClose(means, wantMeans, (i) => 4 * U * (Math.abs(wantMeans[i]) + 2));
        expectClose(rstds, wantRstds, (i) => 16 * U * wantRstds[i]);
      }),
    );
  });

  test("of constant rows is the bias", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed }) => {
        const t = { ...table(rows, cols, seed), x: new Float32Array(rows * cols).fill(-3) };
        const [y, means, rstds] = forward(kernels, t);
        expectClose(
          y,
          Float32Array.from(y, (_, i) => t.bias[i % cols]),
          () => 0,
        );
        expectClose(means, new Float32Array(rows).fill(-3), () => 0);
        expectClose(rstds, new Float32Array(rows).fill(1e3), () => 1e-3);
      }),
    );
  });

  test("of a row has the same bits whatever the other rows and their number", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed }) => {
        const t = table(rows, cols, seed);
        const whole = forward(kernels, t);
        for (let i = 0; i < rows; i++) {
          forward(kernels, row(t, i)).forEach((alone, k) => {
            expect(sameBits(alone, whole[k].slice(i * alone.length, (i + 1) * alone.length))).toBe(true);
          });
        }
      }),
    );
  });
});

describe.each(VARIANTS)("layerNormGrad, %o", (variant) => {
  const kernels = simdLayerNorm(heap, variant);
  const withStatistics = (rows: number, cols: number, seed: number) => {
    const t = table(rows, cols, seed, 0.5);
    const [, mean, rstd] = forward(oracle, t);
    return { t, mean, rstd, got: backward(kernels, t, mean, rstd), want: backward(oracle, t, mean, rstd) };
  };

  test("equals the oracle: dx within 40 roundings of its terms, dscale and dbias within 20 of theirs", () => {
    const manyRows = fc.record({
      rows: fc.integer({ min: 15, max: 70 }),
      cols: fc.integer({ min: 1, max: 9 }),
      seed: fc.nat(99),
    });
    fc.assert(
      fc.property(fc.oneof(tables, manyRows), ({ rows, cols, seed }) => {
        const { t, mean, rstd, got, want } = withStatistics(rows, cols, seed);
        // |x̂| ≤ √cols, |g·scale| ≤ 1
        expectClose(got[0], want[0], (i) => 40 * U * rstd[Math.floor(i / cols)] * (2 + Math.sqrt(cols)));
        const terms = new Float64Array(cols);
        const hats = new Float64Array(cols);
        t.g.forEach((g, i) => {
          const r = Math.floor(i / cols);
          terms[i % cols] += Math.abs(g);
          hats[i % cols] += Math.abs(g) * (Math.abs(t.x[i] - mean[r]) * rstd[r]);
        });
        expectClose(got[1], want[1], (j) => 20 * U * hats[j]);
        expectClose(got[2], want[2], (j) => 20 * U * terms[j]);
      }),
    );
  });

  test("dx of a row has the same bits whatever the other rows and their number", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed }) => {
        const { t, mean, rstd, got } = withStatistics(rows, cols, seed);
        for (let i = 0; i < rows; i++) {
          const [alone] = backward(kernels, row(t, i), mean.slice(i, i + 1), rstd.slice(i, i + 1));
          expect(sameBits(alone, got[0].slice(i * cols, (i + 1) * cols))).toBe(true);
        }
      }),
    );
  });

  test("sums of 10,000 rows keep an error of 17 roundings", () => {
    const [rows, cols] = [10_000, 3];
    const t = { ...table(rows, cols, 5), g: uniform(rows * cols, 6, 0.5, 1) };
    const [, mean, rstd] = forward(oracle, t);
    const [got, want] = [kernels, oracle].map((k) => backward(k, t, mean, rstd)[2]);
    expectClose(got, want, (j) => 17 * U * want[j]);
  });

  test("omits dscale and dbias where they are not requested", () => {
    const { t, mean, rstd, got } = withStatistics(4, 9, 1);
    const [dx] = run([t.x, t.scale, mean, rstd, t.g], [t.x.length], ([x, scale, m, r, g], [out]) =>
      kernels.layerNormGrad(4, 9, x, scale, m, r, g, out, 0, 0),
    );
    expect(sameBits(dx, got[0])).toBe(true);
  });
});
