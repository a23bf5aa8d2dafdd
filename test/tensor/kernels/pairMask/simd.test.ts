import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PairMaskKernels } from "../../../../src/tensor/kernels/pairMask/interface.ts";
import { mix } from "../../../../src/tensor/kernels/pairMask/mix.ts";
import { simdPairMask } from "../../../../src/tensor/kernels/pairMask/simd.ts";
import { heap, oracle, run, sameNumbers, seeds, uniform, VARIANTS } from "../arena.ts";

/** Few different numbers, so that many are equal to a bound; some are not finite. */
const entries = fc
  .record({ rows: fc.integer({ min: 0, max: 9 }), cols: fc.integer({ min: 0, max: 70 }), seed: seeds })
  .chain(({ rows, cols, seed }) =>
    fc.array(fc.tuple(fc.nat(), fc.constantFrom(Number.NaN, Infinity, -Infinity, -0)), { maxLength: 5 }).map((odd) => {
      const s = uniform(rows * cols, seed, 4).map(Math.round);
      for (const [place, value] of odd) if (s.length > 0) s[place % s.length] = value;
      return { rows, cols, seed, s };
    }),
  );
const signs = fc.constantFrom(1, -1);
const bounds = fc.constantFrom(-Infinity, -1, 0, 1, 2, Infinity);

/** The tile after a kernel that works in place. */
const changed = (s: Float32Array, kernel: (at: number) => void): Float32Array =>
  run([s], [s.length], ([from], [to]) => {
    oracle.copy(s.length, from, to);
    kernel(to);
  })[0];

const wordsOf = (n: number, seed: number): Float32Array =>
  new Float32Array(Uint32Array.from({ length: n }, (_, i) => mix(seed + i)).buffer);

describe.each(VARIANTS)("the masks of pairs, %o", (variant) => {
  const kernels = simdPairMask(heap, variant);

  test("keep by a bound what the oracle keeps, bit by bit", () => {
    fc.assert(
      fc.property(entries, signs, bounds, ({ s }, sign, bound) => {
        for (const name of ["keepAtLeast", "keepAbove"] as const) {
          const by = (set: PairMaskKernels) => changed(s, (at) => set[name](s.length, at, sign, bound));
          expect(sameNumbers(by(kernels), by(oracle))).toBe(true);
        }
      }),
    );
  });

  test("keep at random what the oracle keeps, bit by bit", () => {
    fc.assert(
      fc.property(entries, fc.constantFrom(0, 2 ** 30, 2 ** 31, 3 * 2 ** 30, 2 ** 32 - 1), (tile, most) => {
        const { rows, cols, seed, s } = tile;
        const by = (set: PairMaskKernels) =>
          run([s, wordsOf(rows, seed), wordsOf(cols, seed + 99)], [s.length], ([from, ofRows, ofColumns], [to]) => {
            oracle.copy(s.length, from, to);
            set.keepRandom(rows, cols, to, ofRows, ofColumns, most);
          })[0];
        expect(sameNumbers(by(kernels), by(oracle))).toBe(true);
        if (most === 2 ** 32 - 1) expect(sameNumbers(by(kernels), s)).toBe(true);
      }),
    );
  });

  test("count and find what the oracle does, in order", () => {
    fc.assert(
      fc.property(entries, signs, bounds, bounds, ({ s }, sign, low, high) => {
        const by = (set: PairMaskKernels) => {
          let seen = { above: 0, count: 0 };
          const [places] = run([s], [s.length + 1], ([from], [to]) => {
            seen = set.findBetween(s.length, from, sign, low, high, to);
          });
          return { ...seen, places: [...new Int32Array(places.buffer).subarray(0, seen.count)] };
        };
        expect(by(kernels)).toEqual(by(oracle));
        const places = [...s.keys()].filter((i) => sign * s[i] >= low && sign * s[i] <= high);
        if (low <= high) expect(by(oracle)).toEqual({ above: s.filter((x) => sign * x > high).length, count: places.length, places }); // biome-ignore format: a line
      }),
    );
  });
});

test("mix is a bijection whose words look random: each bit is 1 for half of the words", () => {
  const words = Array.from({ length: 4096 }, (_, i) => mix(i));
  expect(new Set(words).size).toBe(4096);
  for (let bit = 0; bit < 32; bit++) {
    const ones = words.filter((word) => (word >>> bit) & 1).length;
    expect(Math.abs(ones - 2048)).toBeLessThan(6 * 32); // six standard deviations
  }
});
