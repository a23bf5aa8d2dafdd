import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { log1p } from "../../../../src/tensor/kernels/scalar/exp.ts";
import { sigmoid, softplus } from "../../../../src/tensor/kernels/scalar/plain.ts";
import type { SigmoidTileKernels } from "../../../../src/tensor/kernels/sigmoidTile/interface.ts";
import { simdSigmoidTile } from "../../../../src/tensor/kernels/sigmoidTile/simd.ts";
import { func, seq } from "../../../../src/tensor/wasm/assembler.ts";
import { f32, f32x4, lane } from "../../../../src/tensor/wasm/instructions.ts";
import { instantiate } from "../../../../src/tensor/wasm/module.ts";
import { expectClose, heap, oracle, run, sameBits, seeds, U, uniform, VARIANTS } from "../arena.ts";

interface Tile {
  readonly rows: number;
  readonly cols: number;
  readonly s: Float32Array;
  readonly t: number;
  readonly b: number;
  readonly diagonal: number;
}
const NONE = -1000; // a diagonal outside of every tile here

/** G, loss and Σ G; only the tile may change. */
function compute({ sigmoidTile }: SigmoidTileKernels, { rows, cols, s, t, b, diagonal }: Tile) {
  let sums = { loss: Number.NaN, sum: Number.NaN };
  const [g] = run([s], [s.length], ([from], [to]) => {
    oracle.copy(s.length, from, to);
    sums = sigmoidTile(rows, cols, to, t, b, diagonal);
  });
  return { g, ...sums };
}

const SMALLEST = 2 ** -126; // smaller results may be 0
/** The most that f changes when its argument moves by `error`, and 8 roundings: 4 units in the last place. */
const reach = (f: (x: number) => number, x: number, error: number): number =>
  Math.max(Math.abs(f(x + error) - f(x)), Math.abs(f(x) - f(x - error))) + 8 * U * f(x) + SMALLEST;

/** Difference allowed between f32 and f64: for G its roundings and that of the logit, for sums 20 roundings and those of the logits. */
function bounds({ cols, s, t, b, diagonal }: Tile) {
  const g = new Float64Array(s.length);
  let loss = 0;
  let sum = 0;
  s.forEach((value, at) => {
    const sign = at % cols === diagonal + Math.floor(at / cols) ? -1 : 1;
    const l = sign * (t * value + b);
    const error = U * (Math.abs(t * value) + Math.abs(l));
    g[at] = reach(sigmoid, l, error);
    loss += Math.min(error, reach(softplus, l, error)) + 20 * U * softplus(l) + SMALLEST;
    sum += g[at] + 20 * U * sigmoid(l);
  });
  return { g, loss, sum };
}

function expectOracle(kernels: SigmoidTileKernels, tile: Tile): void {
  const got = compute(kernels, tile);
  const want = compute(oracle, tile);
  const most = bounds(tile);
  expectClose(got.g, want.g, (i) => most.g[i]);
  expect(Math.abs(got.loss - want.loss)).toBeLessThanOrEqual(most.loss);
  expect(Math.abs(got.sum - want.sum)).toBeLessThanOrEqual(most.sum);
}

const tiles = fc
  .record({
    rows: fc.integer({ min: 0, max: 70 }),
    cols: fc.integer({ min: 0, max: 70 }),
    diagonal: fc.integer({ min: -70, max: 70 }),
    t: fc.constantFrom(0, 1, 10, 117.5, 22026, -3).map(Math.fround),
    b: fc.constantFrom(0, -10, 3.25, 40, -1e4, 1e4),
    size: fc.constantFrom(0, 1, 30, 1e4),
    seed: seeds,
  })
  .map(({ size, seed, ...tile }): Tile => ({ ...tile, s: uniform(tile.rows * tile.cols, seed, size) }));

const column = (values: readonly number[], positive: boolean): Tile => ({
  rows: values.length,
  cols: 1,
  s: Float32Array.from(values),
  t: 1,
  b: 0,
  diagonal: positive ? 0 : NONE,
});

describe.each(VARIANTS)("sigmoidTile, %o", (variant) => {
  const kernels = simdSigmoidTile(heap, variant);
  const { NaN: NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;

  test("equals the oracle within 4 ulp and the rounding of the logit, for every shape and place of the diagonal", () => {
    fc.assert(
      fc.property(tiles, (tile) => expectOracle(kernels, tile)),
      { numRuns: 300 },
    );
  });

  test("equals the oracle on tiles of 192 × 256 with and without positives", () => {
    for (const diagonal of [NONE, 0, 128, -64]) {
      for (const [t, b] of [
        [10, -10],
        [1, 0],
      ]) {
        // biome-ignore format: pairs
        expectOracle(kernels, { rows: 192, cols: 256, s: uniform(192 * 256, 7), t, b, diagonal });
      }
    }
  });

  test("gives a loss and Σ G within 1e-6 of f64 on 16,384 columns, far logits among them", () => {
    for (const [size, b] of [
      [1, -10],
      [0, -10],
      [0, -20],
      [2, 5],
      [100, 0],
    ]) {
      // biome-ignore format: pairs
      const tile = { rows: 7, cols: 16384, s: uniform(7 * 16384, 3, size), t: 10, b, diagonal: 100 };
      const got = compute(kernels, tile);
      const want = compute(oracle, tile);
      expect(Math.abs(got.loss / want.loss - 1)).toBeLessThan(1e-6);
      expect(Math.abs(got.sum / want.sum - 1)).toBeLessThan(1e-6);
    }
  });

  test("has the closed form of equal logits where all inner products are 0", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 70 }), fc.float({ min: -50, max: 50, noNaN: true }), (n, b) => {
        const tile = { rows: n, cols: n, s: new Float32Array(n * n), t: 10, b, diagonal: 0 };
        const { g, loss, sum } = compute(kernels, tile);
        const wantLoss = n * (n - 1) * softplus(b) + n * softplus(-b);
        expect(Math.abs(loss - wantLoss)).toBeLessThanOrEqual(20 * U * wantLoss);
        const wantSum = n * (n - 1) * sigmoid(b) - n * sigmoid(-b);
        expect(Math.abs(sum - wantSum)).toBeLessThanOrEqual(20 * U * n * (n * sigmoid(b) + sigmoid(-b)));
        expect(new Set(g.filter((_, i) => i % (n + 1) !== 0)).size).toBe(n === 1 ? 0 : 1);
      }),
    );
  });

  test("keeps the digits of small losses: negatives at −80 to −8, positives at 8 to 80", () => {
    const logits = Array.from({ length: 500 }, (_, i) => Math.fround(8 + (72 * i) / 499));
    const negatives = compute(
      kernels,
      column(
        logits.map((l) => -l),
        false,
      ),
    );
    logits.forEach((l, i) => {
      const want = sigmoid(-l);
      expect(Math.abs(negatives.g[i] - want)).toBeLessThanOrEqual(8 * U * want);
      const positive = compute(kernels, column([l], true));
      expect(positive.g[0]).toBe(-negatives.g[i]);
      expect(positive.sum).toBe(positive.g[0]);
      expect(Math.abs(positive.loss - softplus(-l))).toBeLessThanOrEqual(8 * U * want);
    });
  });

  test("treats a positive pair as a negative pair of the opposite logit, bit by bit", () => {
    fc.assert(
      fc.property(tiles, (tile) => {
        const plus = compute(kernels, tile);
        const minus = compute(kernels, { ...tile, t: -tile.t, b: -tile.b, diagonal: NONE });
        for (let i = 0; i < tile.rows; i++) {
          const j = tile.diagonal + i;
          const at = i * tile.cols + j;
          if (j >= 0 && j < tile.cols) expect(Object.is(plus.g[at], -minus.g[at])).toBe(true);
        }
      }),
    );
  });

  test("has a loss of exactly the logit for large logits up to 3e38, and the sum of many", () => {
    for (const l of [40, 1e4, 1e30, 3e38].map(Math.fround)) {
      for (const n of [1, 70, 1000]) {
        const wrong = compute(kernels, column(new Array<number>(n).fill(l), false));
        if (n === 1) expect(wrong.loss).toBe(l);
        else expect(Math.abs(wrong.loss / (n * l) - 1)).toBeLessThan(20 * U);
        expect(wrong.sum).toBe(n);
        const right = compute(kernels, column(new Array<number>(n).fill(-l), false));
        expect(right.loss).toBeLessThan(n * 1e-17);
        expect(right.g.every((g) => g >= 0 && g < 1e-17)).toBe(true);
      }
    }
  });

  test("propagates ±∞ and NaN like the oracle, to the sums and to no other number", () => {
    fc.assert(
      fc.property(
        tiles.filter(({ s, t }) => s.length > 0 && t !== 0),
        fc.constantFrom(NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY),
        fc.nat(),
        (tile, bad, place) => {
          const at = place % tile.s.length;
          const broken = { ...tile, s: tile.s.with(at, bad) };
          const got = compute(kernels, broken);
          const want = compute(oracle, broken);
          expect(got.g[at]).toBe(want.g[at]);
          expect(Number.isNaN(got.loss)).toBe(Number.isNaN(bad));
          expect(Number.isNaN(got.sum)).toBe(Number.isNaN(bad));
          expect(got.loss === POSITIVE_INFINITY).toBe(want.loss === POSITIVE_INFINITY);
          expect(sameBits(got.g.with(at, 0), compute(kernels, tile).g.with(at, 0))).toBe(true);
        },
      ),
    );
  });

  test("gives the same bits of G however the tile is split into rows, and sums that agree", () => {
    fc.assert(
      fc.property(tiles, fc.nat(70), (tile, cut) => {
        const { rows, cols, s, diagonal } = tile;
        const first = Math.min(cut, rows);
        const whole = compute(kernels, tile);
        const upper = compute(kernels, { ...tile, rows: first, s: s.slice(0, first * cols) });
        const lower = compute(kernels, {
          ...tile,
          rows: rows - first,
          s: s.slice(first * cols),
          diagonal: diagonal + first,
        });
        expect(sameBits(upper.g, whole.g.slice(0, first * cols))).toBe(true);
        expect(sameBits(lower.g, whole.g.slice(first * cols))).toBe(true);
        expect(Math.abs(upper.loss + lower.loss - whole.loss)).toBeLessThanOrEqual(20 * U * whole.loss);
      }),
    );
  });

  test("takes the logarithm of 1 + q within 3 roundings from 2⁻¹²⁶ to 2¹²⁰", () => {
    const ofOne = func([f32], (x) => {
      const v = f32x4.local();
      return lane(seq(v.set(f32x4.splat(x)), log1p(v)), 0);
    });
    const wasm = instantiate(heap.memory, variant, { ofOne });
    fc.assert(
      fc.property(fc.integer({ min: -126, max: 120 }), fc.double({ min: 1, max: 2, noNaN: true }), (exponent, m) => {
        const q = Math.fround(m * 2 ** exponent);
        const want = Math.log1p(q);
        expect(Math.abs(wasm.ofOne(q) - want)).toBeLessThanOrEqual(3 * U * want);
      }),
      { numRuns: 5000 },
    );
  });
});
