import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfloat16 } from "../../../../src/tensor/kernels/adafactor/bfloat16.ts";
import type {
  AdafactorKernels,
  FactoredSizes,
  FullMomentArgs,
} from "../../../../src/tensor/kernels/adafactor/interface.ts";
import { simdAdafactor } from "../../../../src/tensor/kernels/adafactor/simd.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, U, uniform, VARIANTS } from "../arena.ts";

const ARGS: FullMomentArgs = {
  ...{ lr: 1e-2, decay: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-30 },
  bfloat16: false,
  gradScale: 0.7,
};

const sizes = fc.record({
  outer: fc.integer({ min: 1, max: 3 }),
  rows: fc.integer({ min: 1, max: 70 }), // more than two blocks of an f32 sum
  middle: fc.integer({ min: 1, max: 3 }),
  cols: fc.integer({ min: 1, max: 37 }),
});
const numbersOf = ({ outer, rows, middle, cols }: FactoredSizes) => ({
  n: outer * rows * middle * cols,
  rowCount: outer * rows * middle,
  columnCount: outer * middle * cols,
});

interface State {
  readonly p: Float32Array;
  readonly m: Float32Array;
  readonly v: Float32Array;
}

function fullStep(kernel: AdafactorKernels["adafactor"], { p, m, v }: State, g: Float32Array, args = ARGS): State {
  const n = p.length;
  const outputs = run([p, m, v, g], [n, n, n], ([pp, pm, pv, pg], [op, om, ov]) => {
    for (const [from, to] of [[pp, op], [pm, om], [pv, ov]]) oracle.copy(n, from, to); // biome-ignore format: pairs
    kernel(n, op, pg, om, ov, args);
  });
  return { p: outputs[0], m: outputs[1], v: outputs[2] };
}

const means = (kernel: AdafactorKernels["meanSquares"], each: FactoredSizes, g: Float32Array): Float32Array[] => {
  const { rowCount, columnCount } = numbersOf(each);
  return run([g], [rowCount, columnCount], ([pg], [row, column]) => kernel(each, pg, 0.7, row, column));
};

function factoredStep(
  kernel: AdafactorKernels["adafactorFactored"],
  each: FactoredSizes,
  inputs: readonly Float32Array[],
  args = ARGS,
): Float32Array[] {
  const { n } = numbersOf(each);
  return run(inputs, [n, n], ([p, m, g, row, column], [op, om]) => {
    oracle.copy(n, p, op);
    oracle.copy(n, m, om);
    kernel(each, op, g, om, row, column, args);
  });
}

const inputsOf = (each: FactoredSizes, seed: number): Float32Array[] => {
  const { n, rowCount, columnCount } = numbersOf(each);
  const [p, m, g] = [0, 1, 2].map((i) => uniform(n, seed + i));
  return [p, m, g, uniform(rowCount, seed + 3, 0.5, 1), uniform(columnCount, seed + 4, 0.5, 1)];
};

/** A rounding to bfloat16 may fall the other way: 2⁻⁸ of a number below 4. */
const FLIP = 4 * 2 ** -8;

describe.each(VARIANTS)("adafactor, %o", (variant) => {
  const kernels = simdAdafactor(heap, variant);

  test("mean squares equal those of the oracle: the roundings of a row, and of 32 rows", () => {
    fc.assert(
      fc.property(sizes, seeds, (each, seed) => {
        const g = uniform(numbersOf(each).n, seed, 3);
        const [got, want] = [kernels, oracle].map(({ meanSquares }) => means(meanSquares, each, g));
        for (const part of [0, 1]) expectClose(got[part], want[part], (i) => 40 * U * want[part][i]);
      }),
    );
  });

  test("a factored step equals that of the oracle within a few roundings", () => {
    fc.assert(
      fc.property(sizes, seeds, (each, seed) => {
        const inputs = inputsOf(each, seed);
        const [got, want] = [kernels, oracle].map((set) => factoredStep(set.adafactorFactored, each, inputs));
        expectClose(got[0], want[0], () => 6 * U);
        expectClose(got[1], want[1], () => 8 * U);
      }),
    );
  });

  test("a step with the whole second moment equals that of the oracle within a few roundings", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 67 }), seeds, (n, seed) => {
        const state = { p: uniform(n, seed), m: uniform(n, seed + 1), v: uniform(n, seed + 2, 0.5, 0.5) };
        const g = uniform(n, seed + 3, 3);
        const [got, want] = [kernels, oracle].map(({ adafactor }) => fullStep(adafactor, state, g));
        expectClose(got.v, want.v, () => 8 * 5 * U);
        expectClose(got.p, want.p, () => 6 * U);
        expectClose(got.m, want.m, () => 20 * U);
      }),
    );
  });

  test("a bfloat16 momentum is stored rounded, and the step uses it before", () => {
    fc.assert(
      fc.property(sizes, seeds, (each, seed) => {
        const inputs = inputsOf(each, seed);
        inputs[1] = inputs[1].map(bfloat16);
        const args = { ...ARGS, bfloat16: true };
        const [got, want] = [kernels, oracle].map((set) => factoredStep(set.adafactorFactored, each, inputs, args));
        expect(got[1].every((m) => bfloat16(m) === m)).toBe(true);
        expectClose(got[0], want[0], () => 6 * U); // not that of a rounded momentum, which is 2⁻⁹·lr off
        expectClose(got[1], want[1], () => FLIP);
      }),
    );
    const state = { p: uniform(67, 1), m: uniform(67, 2).map(bfloat16), v: uniform(67, 3, 0.5, 0.5) };
    const [got, want] = [kernels, oracle].map(({ adafactor }) =>
      fullStep(adafactor, state, uniform(67, 4), { ...ARGS, bfloat16: true }),
    );
    expectClose(got.p, want.p, () => 6 * U);
    expect(got.m.every((m) => bfloat16(m) === m)).toBe(true);
  });

  test("one step of each number does not depend on the others", () => {
    const [n, g] = [67, uniform(67, 1)];
    const state: State = { p: uniform(n, 2), m: uniform(n, 3), v: uniform(n, 4, 0.5, 0.5) };
    const all = fullStep(kernels.adafactor, state, g);
    for (let i = 0; i < n; i++) {
      const at = (x: Float32Array) => x.slice(i, i + 1);
      const alone = fullStep(kernels.adafactor, { p: at(state.p), m: at(state.m), v: at(state.v) }, at(g));
      for (const key of ["p", "m", "v"] as const) expect(sameBits(alone[key], at(all[key]))).toBe(true);
    }
  });

  test("parts side by side are steps of their own", () => {
    const [D, parts, K] = [40, 3, 33];
    const fused = { outer: 1, rows: D, middle: parts, cols: K };
    const g = uniform(D * parts * K, 1);
    const [rowMeans, columnMeans] = means(kernels.meanSquares, fused, g);
    for (let part = 0; part < parts; part++) {
      const own = g.filter((_, i) => Math.floor(i / K) % parts === part);
      const [row, column] = means(kernels.meanSquares, { ...fused, middle: 1 }, own);
      expect(
        sameBits(
          row,
          rowMeans.filter((_, i) => i % parts === part),
        ),
      ).toBe(true);
      expect(sameBits(column, columnMeans.slice(part * K, (part + 1) * K))).toBe(true);
    }
  });
});

test("bfloat16 keeps eight binary digits, and rounds ties to even", () => {
  expect([1, -2.5, 0, 1 + 2 ** -7].map(bfloat16)).toEqual([1, -2.5, 0, 1 + 2 ** -7]);
  expect(bfloat16(1 + 2 ** -8)).toBe(1); // a tie
  expect(bfloat16(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6); // the next
  expect(bfloat16(0.9)).toBe(0.8984375);
  fc.assert(
    fc.property(fc.float({ min: -1000, max: 1000, noNaN: true }), (x) => {
      expect(Math.abs(bfloat16(x) - x)).toBeLessThanOrEqual(2 ** -8 * Math.abs(x) + 2 ** -140);
    }),
  );
});
