import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodedRows } from "../../src/tensor/codedRows.ts";
import { Rng } from "../../src/tensor/random.ts";
import { chooseKernels } from "../../src/tensor/select/select.ts";
import { ShapeError } from "../../src/tensor/shape.ts";

const dot = (values: Float32Array, i: number, query: Float32Array): number =>
  query.reduce((sum, q, k) => sum + q * values[i * query.length + k], 0);

/** Rows of normal numbers, of which some are zero, constant, repeated or dominated by one number. */
function rowsOf(rng: Rng, rows: number, cols: number, size: number): Float32Array {
  const values = Float32Array.from({ length: rows * cols }, () => size * rng.normal());
  for (let i = 0; i < rows; i++) {
    const kind = Math.floor(rng.uniform() * 8);
    const row = values.subarray(i * cols, (i + 1) * cols);
    if (kind === 0) row.fill(0);
    if (kind === 1) row.fill(size);
    if (kind === 2) row[0] = 1e4 * size;
    if (kind === 3) row.set(values.subarray(0, cols));
  }
  return values;
}

const tables = fc.record({
  rows: fc.integer({ min: 0, max: 20 }),
  cols: fc.constantFrom(1, 2, 31, 32, 33, 64, 100, 768),
  seed: fc.nat(1e6),
  size: fc.constantFrom(1, 1e-3, 1e-20, 1e15, 1e-44),
  querySize: fc.constantFrom(1, 1e-44, 1e18),
  mean: fc.constantFrom(0, 3),
});

describe("CodedRows", () => {
  it("bounds every inner product from above, also of zero rows, of the query itself and of numbers near the limits of f32", () => {
    fc.assert(
      fc.property(tables, ({ rows, cols, seed, size, querySize, mean }) => {
        const rng = new Rng(seed);
        const shared = rowsOf(rng, 1, cols, mean * size);
        const values = rowsOf(rng, rows, cols, size).map((x, at) => x + shared[at % cols]);
        const random = rowsOf(rng, 1, cols, querySize);
        for (const query of [random, values.slice(0, rows > 0 ? cols : 0), random.map(Math.abs)]) {
          if (query.length === 0) continue;
          const bounds = new CodedRows(values, cols).upperBounds(query);
          expect(bounds.length).toBe(rows);
          bounds.forEach((bound, i) => {
            expect(bound).toBeGreaterThanOrEqual(dot(values, i, query));
          });
        }
      }),
    );
  });

  it("exceeds the inner products of unit rows by 0.013 at most, also if all rows have the same large numbers", () => {
    for (const [cols, large] of [
      [64, 0],
      [768, 0],
      [768, 0.6],
    ]) {
      const rng = new Rng(cols);
      const rest = Math.sqrt((1 - 2 * large ** 2) / cols);
      const values = Float32Array.from({ length: 200 * cols }, (_, at) => {
        const isLarge = at % cols === 5 || at % cols === 7;
        return rest * rng.normal() + (isLarge ? large : 0);
      });
      const query = values.slice(0, cols);
      new CodedRows(values, cols).upperBounds(query).forEach((bound, i) => {
        expect(bound - dot(values, i, query)).toBeLessThan(0.013);
      });
    }
  });

  it("adds the largest codes without overflow, however many there are", () => {
    for (const cols of [64, 768, 5000]) {
      const values = Float32Array.from({ length: 2 * cols }, (_, at) => (at < cols ? 1 : -1));
      const bounds = new CodedRows(values, cols).upperBounds(new Float32Array(cols).fill(1));
      expect(bounds[0] / cols).toBeCloseTo(1, 3);
      expect(bounds[1] / cols).toBeCloseTo(-1, 3);
    }
  });

  it("bounds rows without error of their own by what the integers of the query lose", () => {
    const [cols, most] = [64, 32_767];
    const values = Float32Array.from({ length: 2 * cols }, (_, at) => (at < cols ? 1 : -1)); // ±127 are their codes
    for (const part of [0.4, -0.4]) {
      const query = Float32Array.from({ length: cols }, (_, k) => (k === 0 ? most : k + part) / most);
      const bounds = new CodedRows(values, cols).upperBounds(query);
      for (const i of [0, 1]) expect(bounds[i]).toBeGreaterThanOrEqual(dot(values, i, query));
    }
  });

  it("gives the same bits with strict kernels and with plain loops", () => {
    const rng = new Rng(1);
    const [values, query] = [rowsOf(rng, 30, 100, 1), rowsOf(rng, 1, 100, 1)];
    const rows = new CodedRows(values, 100);
    const bounds = (["fast", "strict", "reference"] as const).map((mode) => {
      chooseKernels(mode);
      return [...rows.upperBounds(query)];
    });
    chooseKernels("fast");
    expect(bounds[1]).toEqual(bounds[0]);
    expect(bounds[2]).toEqual(bounds[0]);
  });

  it("bounds the other rows where one is not finite", () => {
    const bounds = new CodedRows(Float32Array.of(1, 0, Number.NaN, 1, 0, 1), 2).upperBounds(Float32Array.of(0.6, 0.8));
    expect(bounds[0]).toBeCloseTo(0.6, 2);
    expect(bounds[1]).toBeNaN();
    expect(bounds[2]).toBeCloseTo(0.8, 2);
  });

  it("refuses numbers that are no whole rows, and a query of another length", () => {
    expect(() => new CodedRows(new Float32Array(5), 2)).toThrow(ShapeError);
    expect(() => new CodedRows(new Float32Array(6), 2).upperBounds(new Float32Array(3))).toThrow(
      /3 numbers for rows of 2/,
    );
  });
});
