import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfloat16 } from "../../../../src/tensor/kernels/adafactor/bfloat16.ts";
import type {
  AdafactorArgs,
  AdafactorKernels,
  FactoredSizes,
} from "../../../../src/tensor/kernels/adafactor/interface.ts";
import { simdAdafactor } from "../../../../src/tensor/kernels/adafactor/simd.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, U, uniform, VARIANTS } from "../arena.ts";

const ARGS: AdafactorArgs = {
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

/** p, m, vRow and vColumn after a step. */
function factoredStep(
  kernel: AdafactorKernels["adafactorFactored"],
  each: FactoredSizes,
  inputs: readonly Float32Array[],
  args = ARGS,
): Float32Array[] {
  const lengths = inputs.slice(0, 4).map(({ length }) => length);
  return run(inputs, lengths, (from, to) => {
    lengths.forEach((length, i) => {
      oracle.copy(length, from[i], to[i]);
    });
    kernel(each, to[0], from[4], to[1], to[2], to[3], args);
  });
}

/** p, m, vRow, vColumn and g. */
const inputsOf = (each: FactoredSizes, seed: number): Float32Array[] => {
  const { n, rowCount, columnCount } = numbersOf(each);
  const [p, m, g] = [0, 1, 2].map((i) => uniform(n, seed + i));
  return [p, m, uniform(rowCount, seed + 3, 0.5, 1), uniform(columnCount, seed + 4, 0.5, 1), g];
};

/** A rounding to bfloat16 may fall the other way: 2⁻⁸ of a number below 4. */
const FLIP = 4 * 2 ** -8;

describe.each(VARIANTS)("adafactor, %o", (variant) => {
  const kernels = simdAdafactor(heap, variant);

  test("a factored step equals that of the oracle: the roundings of a sum along a row, and over 32 rows", () => {
    fc.assert(
      fc.property(sizes, seeds, (each, seed) => {
        const inputs = inputsOf(each, seed);
        const [got, want] = [kernels, oracle].map((set) => factoredStep(set.adafactorFactored, each, inputs));
        expectClose(got[0], want[0], () => 6 * U);
        expectClose(got[1], want[1], () => 20 * U);
        for (const v of [2, 3]) expectClose(got[v], want[v], (i) => 8 * U * want[v][i]); // the squares enter by a twentieth
      }),
    );
  });

  test("the first step begins the second moment with the squares alone", () => {
    const each = { outer: 1, rows: 40, middle: 1, cols: 33 };
    const { n, rowCount, columnCount } = numbersOf(each);
    const g = uniform(n, 1);
    const zeros = [n, n, rowCount, columnCount].map((length) => new Float32Array(length));
    const [, , vRow, vColumn] = factoredStep(kernels.adafactorFactored, each, [...zeros, g], { ...ARGS, beta2: 0 });
    for (const [v, along] of [[vRow, (i: number) => Math.floor(i / 33)], [vColumn, (i: number) => i % 33]] as const) {
      const sums = new Float64Array(v.length);
      g.forEach((x, i) => { sums[along(i)] += (0.7 * x) ** 2 / (n / v.length); });
      expectClose(v, Float32Array.from(sums), (i) => 40 * U * sums[i]);
    } // biome-ignore format: a line each
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

  test("parts side by side take steps of their own", () => {
    const [D, parts, K] = [40, 3, 33];
    const fused = { outer: 1, rows: D, middle: parts, cols: K };
    const inputs = inputsOf(fused, 1);
    const all = factoredStep(kernels.adafactorFactored, fused, inputs);
    for (let part = 0; part < parts; part++) {
      // vRow is [D, parts], the others are [..., parts, K]
      const ofPart = (x: Float32Array) =>
        x.filter((_, i) => (x.length === D * parts ? i : Math.floor(i / K)) % parts === part);
      const own = inputs.map(ofPart);
      const alone = factoredStep(kernels.adafactorFactored, { ...fused, middle: 1 }, own);
      alone.forEach((x, i) => {
        expect(sameBits(x, ofPart(all[i]))).toBe(true);
      });
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
