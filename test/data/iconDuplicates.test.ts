import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Ink, inkOf, laterDuplicates, NEAR, nearestIcons } from "../../src/data/iconDuplicates.ts";
import { Rng } from "../../src/tensor/index.ts";

const SIDE = 32;
const BYTES = SIDE * SIDE * 4;

/** Black pictures, opaque where `isInked` says so. */
function drawn(pictures: readonly ((x: number, y: number) => boolean)[]): Uint8Array {
  const bytes = new Uint8Array(pictures.length * BYTES);
  pictures.forEach((isInked, i) => {
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++)
      if (isInked(pixel % SIDE, Math.floor(pixel / SIDE))) bytes[i * BYTES + 4 * pixel + 3] = 255;
  });
  return bytes;
}

/** Random ink of a few levels, so that some rows are close. */
function randomInk(count: number, seed: number): Ink {
  const rng = new Rng(seed);
  const bases = Array.from({ length: 3 }, () => Array.from({ length: 256 }, () => rng.uniform()));
  const cells = new Float32Array(count * 256);
  for (let row = 0; row < count; row++) {
    const base = bases[rng.integer(3)];
    const noise = rng.uniform() * 0.4;
    for (let k = 0; k < 256; k++) cells[row * 256 + k] = Math.max(0, base[k] + noise * (rng.uniform() - 0.5));
  }
  const squares = new Float32Array(count);
  cells.forEach((cell, i) => {
    squares[Math.floor(i / 256)] += cell * cell;
  });
  return { count, cells, squares };
}

/** The formula, in f64. */
function distance(a: Ink, i: number, b: Ink, j: number): number {
  let [apart, squareA, squareB] = [0, 0, 0];
  for (let k = 0; k < 256; k++) {
    const [x, y] = [a.cells[i * 256 + k], b.cells[j * 256 + k]];
    apart += (x - y) ** 2;
    squareA += x * x;
    squareB += y * y;
  }
  return apart / Math.max(squareA, squareB);
}

describe("ink", () => {
  it("is 0 where nothing is drawn or it is white, 1 on black, and between on colours and edges", () => {
    const picture = drawn([(x, y) => x < 2 && y < 2]);
    picture.set([255, 255, 255, 255], 4 * 2); // white, in the second cell
    picture.set([255, 0, 0, 255], 4 * 4); // red, a quarter of the third
    const { cells } = inkOf(picture, SIDE);
    expect(cells[0]).toBeCloseTo(1, 6);
    expect(cells[1]).toBeCloseTo(0, 6);
    expect(cells[2]).toBeCloseTo((1 - 0.299) / 4, 6);
    expect(cells.subarray(3).every((cell) => cell === 0)).toBe(true);
  });
});

describe("nearestIcons", () => {
  it("finds what the formula in f64 finds", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 }), fc.nat(1000), (m, n, seed) => {
        const [queries, items] = [randomInk(m, seed), randomInk(n, seed + 1)];
        const found = nearestIcons(queries, items);
        for (let q = 0; q < m; q++) {
          const all = Array.from({ length: n }, (_, i) => distance(queries, q, items, i));
          expect(found.distance[q]).toBeCloseTo(Math.min(...all), 4); // f32 sums of 256 squares
          expect(all[found.item[q]]).toBeCloseTo(Math.min(...all), 4);
        }
      }),
      { numRuns: 20 },
    );
  });

  it("calls a drawing and one with another pixel at its edge duplicates, and a cross and its circle not", () => {
    const disc = (x: number, y: number): boolean => (x - 15.5) ** 2 + (y - 15.5) ** 2 < 150;
    const cross = (x: number, y: number): boolean => Math.abs(x - y) < 3 || Math.abs(31 - x - y) < 3;
    const { distance: apart } = nearestIcons(
      inkOf(drawn([(x, y) => disc(x, y) || (x === 28 && y === 16), cross, (x, y) => disc(x, y) && !cross(x, y)]), SIDE),
      inkOf(drawn([disc]), SIDE),
    );
    expect(apart[0]).toBeLessThan(NEAR);
    expect(apart[1]).toBeGreaterThan(5 * NEAR);
    expect(apart[2]).toBeGreaterThan(5 * NEAR);
  });

  it("finds nothing without items", () => {
    expect(nearestIcons(randomInk(2, 0), randomInk(0, 0)).distance).toEqual(Float32Array.of(Infinity, Infinity));
  });
});

describe("laterDuplicates", () => {
  it("leaves no two duplicates, and leaves out nothing without a near-duplicate before it that stays", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.nat(1000), (count, seed) => {
        const ink = randomInk(count, seed);
        const left = laterDuplicates(ink);
        const stay = [...Array(count).keys()].filter((row) => !left.has(row));
        const isNear = (a: number, b: number): boolean => distance(ink, a, ink, b) < NEAR;
        const isBoundary = (a: number, b: number): boolean => Math.abs(distance(ink, a, ink, b) - NEAR) < 1e-4;
        for (const row of stay)
          for (const earlier of stay.filter((other) => other < row))
            expect(isNear(earlier, row) && !isBoundary(earlier, row)).toBe(false);
        for (const row of left)
          expect(stay.some((other) => other < row && (isNear(other, row) || isBoundary(other, row)))).toBe(true);
      }),
      { numRuns: 30 },
    );
  });
});
