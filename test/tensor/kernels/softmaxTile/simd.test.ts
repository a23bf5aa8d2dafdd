import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SoftmaxTileKernels } from "../../../../src/tensor/kernels/softmaxTile/interface.ts";
import { simdSoftmaxTile } from "../../../../src/tensor/kernels/softmaxTile/simd.ts";
import { expectClose, heap, oracle, run, seeds, U, uniform, VARIANTS } from "../arena.ts";

interface Tile {
  readonly rows: number;
  readonly cols: number;
  readonly s: Float32Array;
  readonly t: number;
  /** Before the tile: below or above its entries. */
  readonly before: number;
}

const { NaN: NAN, POSITIVE_INFINITY, NEGATIVE_INFINITY } = Number;
const SMALLEST = 2 ** -126; // smaller powers may be 0
const LARGEST = 3.4028234663852886e38;

function topsOf({ softmaxTileTops }: SoftmaxTileKernels, { rows, cols, s, before }: Tile): Float32Array[] {
  return run([s], [rows, cols], ([from], [rowTops, colTops]) => {
    heap.f32.fill(before, rowTops / 4, rowTops / 4 + rows);
    heap.f32.fill(before, colTops / 4, colTops / 4 + cols);
    softmaxTileTops(rows, cols, from, rowTops, colTops);
  });
}

/** The sums of rows and of columns, by the tops of the oracle. */
const sumsOf = ({ softmaxTileSums }: SoftmaxTileKernels, tile: Tile, tops = topsOf(oracle, tile)): Float32Array[] =>
  run([tile.s, ...tops], [tile.rows, tile.cols], ([s, rowTops, colTops], [rowSums, colSums]) =>
    softmaxTileSums(tile.rows, tile.cols, s, tile.t, rowTops, colTops, rowSums, colSums),
  );

/** G by the tops of the oracle, with weights of their own for every row and column. */
function gradOf({ softmaxTileGrad }: SoftmaxTileKernels, { rows, cols, s, t, ...rest }: Tile): Float32Array {
  const tops = topsOf(oracle, { rows, cols, s, t, ...rest });
  const [w, v] = weightsOf(rows, cols);
  return run([s, ...tops, w, v], [s.length], ([from, ...vectors], [to]) => {
    oracle.copy(s.length, from, to);
    const [rowTops, colTops, rowWeights, colWeights] = vectors;
    softmaxTileGrad(rows, cols, to, t, rowTops, colTops, rowWeights, colWeights);
  })[0];
}
const weightsOf = (rows: number, cols: number) =>
  [rows, cols].map((n, side) => uniform(n, side, 0.25, 0.26)) as [Float32Array, Float32Array];

const tiles = fc
  .record({
    rows: fc.integer({ min: 0, max: 40 }),
    cols: fc.integer({ min: 0, max: 70 }),
    t: fc.constantFrom(2 ** -149, 1, 10, 117.5, 22026, 1e30).map(Math.fround),
    before: fc.constantFrom(-LARGEST, 0.25, 100),
    size: fc.constantFrom(0, 1, 30, 1e30),
    seed: seeds,
  })
  .map(({ size, seed, ...tile }): Tile => ({ ...tile, s: uniform(tile.rows * tile.cols, seed, size) }));

/** e^x of an exponent with two roundings, and those of e^x itself. */
const powerError = (exponent: number): number => (4 + 3 * Math.abs(exponent)) * U * Math.exp(exponent) + SMALLEST;

describe.each(VARIANTS)("softmaxTile, %o", (variant) => {
  const kernels = simdSoftmaxTile(heap, variant);

  test("finds the tops of the oracle, bit by bit, NaN or not", () => {
    fc.assert(
      fc.property(
        tiles,
        fc.constantFrom(0, NAN, NEGATIVE_INFINITY, POSITIVE_INFINITY),
        fc.nat(),
        (tile, odd, place) => {
          const s = tile.s.length === 0 ? tile.s : tile.s.with(place % tile.s.length, odd);
          const [got, want] = [topsOf(kernels, { ...tile, s }), topsOf(oracle, { ...tile, s })];
          got.forEach((tops, side) => {
            expect([...tops]).toEqual([...want[side]]);
          });
        },
      ),
    );
  });

  test("has the sums of the oracle within the roundings of powers and 16 of a sum", () => {
    fc.assert(
      fc.property(tiles, (tile) => {
        const { rows, cols, s, t } = tile;
        const tops = topsOf(oracle, tile);
        const [got, want] = [sumsOf(kernels, tile), sumsOf(oracle, tile)];
        const most = [rows, cols].map((n) => new Float64Array(n));
        s.forEach((value, at) => {
          [Math.floor(at / cols), at % cols].forEach((k, side) => {
            most[side][k] += powerError(t * (value - tops[side][k]));
          });
        });
        got.forEach((sums, side) => {
          expectClose(sums, want[side], (k) => most[side][k] + 16 * U * want[side][k]);
        });
      }),
      { numRuns: 300 },
    );
  });

  test("has the sums of tiles of 192 × 240 within 27 roundings and those of powers", () => {
    const [rows, cols] = [192, 240];
    const tile = { rows, cols, s: uniform(rows * cols, 1, 0.5), t: 10, before: -LARGEST };
    const [got, want] = [sumsOf(kernels, tile), sumsOf(oracle, tile)];
    got.forEach((sums, side) => {
      expectClose(sums, want[side], (k) => (27 + 4 + 3 * 10) * U * want[side][k]); // exponents to −10
    });
  });

  test("has the gradient of the oracle within the roundings of its powers", () => {
    fc.assert(
      fc.property(tiles, (tile) => {
        const { rows, cols, s, t } = tile;
        const tops = topsOf(oracle, tile);
        const weights = weightsOf(rows, cols);
        const [got, want] = [gradOf(kernels, tile), gradOf(oracle, tile)];
        expectClose(got, want, (at) => {
          const errors = [Math.floor(at / cols), at % cols].map(
            (k, side) => weights[side][k] * powerError(t * (s[at] - tops[side][k])),
          );
          return errors[0] + errors[1] + 4 * U * want[at];
        });
      }),
      { numRuns: 300 },
    );
  });

  test("counts −∞ as nothing, beside other entries and alone", () => {
    fc.assert(
      fc.property(tiles, fc.nat(), (tile, place) => {
        fc.pre(tile.s.length > 0);
        const at = place % tile.s.length;
        const [i, j] = [Math.floor(at / tile.cols), at % tile.cols];
        const [rowSums, colSums] = sumsOf(kernels, { ...tile, s: tile.s.with(at, NEGATIVE_INFINITY) });
        if (tile.cols === 1) expect(rowSums[i]).toBe(0);
        if (tile.rows === 1) expect(colSums[j]).toBe(0);
        expect([...rowSums, ...colSums].every(Number.isFinite)).toBe(true);
      }),
    );
  });

  test("passes NaN on to the sums of its row and column, and to no other", () => {
    fc.assert(
      fc.property(tiles, fc.nat(), (tile, place) => {
        fc.pre(tile.s.length > 0);
        const at = place % tile.s.length;
        const broken = sumsOf(kernels, { ...tile, s: tile.s.with(at, NAN) });
        broken.forEach((sums, side) => {
          const k = side === 0 ? Math.floor(at / tile.cols) : at % tile.cols;
          expect(Array.from(sums, Number.isNaN)).toEqual(Array.from(sums, (_, other) => other === k));
        });
      }),
    );
  });

  test("gives a row the same bits whatever other rows there are, and a column whatever other columns", () => {
    fc.assert(
      fc.property(tiles, fc.nat(), (tile, place) => {
        fc.pre(tile.s.length > 0);
        const { rows, cols, s } = tile;
        const tops = topsOf(oracle, tile);
        const whole = sumsOf(kernels, tile, tops);
        const i = place % rows;
        const row = { ...tile, rows: 1, s: s.slice(i * cols, (i + 1) * cols) };
        expect(sumsOf(kernels, row, [tops[0].slice(i, i + 1), tops[1]])[0][0]).toBe(whole[0][i]);
        const j = place % cols;
        const column = { ...tile, cols: 1, s: s.filter((_, at) => at % cols === j) };
        expect(sumsOf(kernels, column, [tops[0], tops[1].slice(j, j + 1)])[1][0]).toBe(whole[1][j]);
      }),
    );
  });
});
