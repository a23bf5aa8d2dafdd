import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { solvePositiveDefinite } from "../../src/eval/cholesky.ts";
import { EvaluationError } from "../../src/eval/index.ts";

/** A·B for A [n, inner] and B [inner, m], as lists of rows. */
const times = (a: readonly number[][], b: readonly number[][]): number[][] =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));

const entry = fc.double({ min: -2, max: 2, noNaN: true });
const matrix = (rows: number, columns: number) =>
  fc.array(fc.array(entry, { minLength: columns, maxLength: columns }), { minLength: rows, maxLength: rows });

describe("solvePositiveDefinite", () => {
  it("finds the X from which A·X = B was made, for every A = MᵀM + I", () => {
    const problem = fc
      .tuple(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 3 }))
      .chain(([n, m]) => fc.record({ m: matrix(n, n), x: matrix(n, m) }));
    fc.assert(
      fc.property(problem, ({ m, x }) => {
        const gram = times(m[0].map((_, j) => m.map((row) => row[j])), m); // biome-ignore format: Mᵀ, then M
        const a = gram.map((row, i) => row.map((value, j) => value + (i === j ? 1 : 0)));
        const b = times(a, x);
        const solved = solvePositiveDefinite(Float64Array.from(a.flat()), Float64Array.from(b.flat()), a.length);
        // The condition number is at most 1 + ‖M‖² ≤ 257.
        x.flat().forEach((value, i) => {
          expect(Math.abs(solved[i] - value)).toBeLessThan(1e-11);
        });
      }),
    );
  });

  it("solves two equations by hand", () => {
    // 4x + 2y = 8, 2x + 3y = 8: x = 1, y = 2
    const x = solvePositiveDefinite(Float64Array.of(4, 2, 2, 3), Float64Array.of(8, 8), 2);
    expect([...x]).toEqual([expect.closeTo(1, 14), expect.closeTo(2, 14)]);
  });

  it("refuses a matrix that is not positive definite", () => {
    const solve = () => solvePositiveDefinite(Float64Array.of(1, 2, 2, 1), Float64Array.of(1, 1), 2);
    expect(solve).toThrow(EvaluationError);
    expect(solve).toThrow(/pivot 1 is -3/);
  });
});
