import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CodesKernels } from "../../../../src/tensor/kernels/codes/interface.ts";
import { simdCodes } from "../../../../src/tensor/kernels/codes/simd.ts";
import { Rng } from "../../../../src/tensor/random.ts";
import { heap, oracle, run, sameBits, seeds, uniform, VARIANTS } from "../arena.ts";

const sizes = fc.record({ rows: fc.integer({ min: 0, max: 13 }), cols: fc.integer({ min: 1, max: 5 }), seed: seeds });
const integers = (rng: Rng, count: number, most: number): number[] =>
  Array.from({ length: count }, () => Math.floor(rng.uniform() * (2 * most + 2)) - most - 1);
/** Bytes as numbers of the arena, which knows no others. */
const asNumbers = ({ buffer }: Int8Array | Int16Array): Float32Array => new Float32Array(buffer);

/** What `encodeRows` writes for the rows `x`. */
function encoded(
  kernels: CodesKernels,
  rows: number,
  cols: number,
  x: Float32Array,
  m: Float32Array = new Float32Array(cols),
) {
  const blocks = [4 * x.length, 4 * cols, x.length, 8 * rows, 8 * rows, 8 * rows].map((bytes) => [
    heap.allocate(bytes),
    bytes,
  ]);
  const [[from], [centre], [codes], ...numbers] = blocks;
  heap.f32.set(x, from / 4);
  heap.f32.set(m, centre / 4);
  const [[scale], [error], [length]] = numbers;
  kernels.encodeRows(rows, cols, from, centre, codes, scale, error, length);
  const of = ([at]: readonly number[]): number[] => [...heap.f64.subarray(at / 8, at / 8 + rows)];
  const result = {
    codes: [...new Int8Array(heap.memory.buffer, codes, x.length)],
    scale: of(numbers[0]),
    error: of(numbers[1]),
    length: of(numbers[2]),
  };
  for (const [at, bytes] of blocks) heap.release(at, bytes);
  return result;
}

describe.each(VARIANTS)("encodeRows, %o", (variant) => {
  const kernels = simdCodes(heap, variant);
  const kinds = fc.constantFrom(1, 1e-44, 1e-20, 1e38, 0);

  test("equals the oracle, of the smallest and the largest numbers too", () => {
    fc.assert(
      fc.property(sizes, kinds, ({ rows, cols, seed }, size) => {
        const x = uniform(rows * 32 * cols, seed, size);
        const m = uniform(32 * cols, seed + 1, seed % 2 === 0 ? 0 : size / 2);
        const [got, want] = [kernels, oracle].map((set) => encoded(set, rows, 32 * cols, x, m));
        expect(got.codes).toEqual(want.codes);
        expect(got.scale).toEqual(want.scale);
        for (const name of ["error", "length"] as const) {
          got[name].forEach((value, i) => {
            expect(Math.abs(value - want[name][i])).toBeLessThanOrEqual(1e-13 * want[name][i] + 1e-15 * want.length[i]);
          });
        }
      }),
    );
  });

  test("loses at most half a scale a number, and gives the largest one the code ±127", () => {
    fc.assert(
      fc.property(sizes, ({ rows, cols: blocks, seed }) => {
        const cols = 32 * blocks;
        const [x, m] = [uniform(rows * cols, seed), uniform(cols, seed + 1)];
        const { codes, scale, error } = encoded(kernels, rows, cols, x, m);
        for (let i = 0; i < rows; i++) {
          const part = codes.slice(i * cols, (i + 1) * cols);
          expect(Math.max(...part.map(Math.abs))).toBe(127);
          const lost = part.map((code, k) => x[i * cols + k] - m[k] - scale[i] * code);
          expect(Math.max(...lost.map(Math.abs))).toBeLessThanOrEqual(0.5000001 * scale[i]);
          expect(error[i]).toBeCloseTo(Math.hypot(...lost), 12);
        }
      }),
    );
  });

  test("gives a row with NaN an error of NaN, and a zero row zeros", () => {
    const x = new Float32Array(96);
    x.set([1, Number.NaN, 2], 32);
    x.fill(-0.5, 64);
    const { codes, scale, error } = encoded(kernels, 3, 32, x);
    expect(codes.slice(0, 32)).toEqual(new Array(32).fill(0));
    expect(codes.slice(64)).toEqual(new Array(32).fill(-127));
    expect(error[0]).toBe(0);
    expect(error[1]).toBeNaN();
    expect(error[2]).toBeLessThan(1e-15);
    expect(scale).toEqual([0, 2 / 127, 0.5 / 127]);
  });
});

describe.each(VARIANTS)("dotCodes, %o", (variant) => {
  const kernels = simdCodes(heap, variant);

  test("equals the oracle and the sum of all products, also of the largest and smallest codes", () => {
    fc.assert(
      fc.property(
        sizes,
        fc.constantFrom(127, 1, 0),
        fc.constantFrom(32767, 100),
        ({ rows, cols, seed }, most, high) => {
          const [rng, width] = [new Rng(seed), 32 * cols];
          const codes = Int8Array.from(integers(rng, rows * width, most));
          const query = Int16Array.from(integers(rng, width, high));
          const [got, want] = [kernels, oracle].map(
            (set) =>
              run([asNumbers(codes), asNumbers(query)], [rows], ([c, q], [out]) =>
                set.dotCodes(rows, width, c, q, out),
              )[0],
          );
          expect(sameBits(got, want)).toBe(true);
          const sums = [...new Int32Array(got.buffer)];
          expect(sums).toEqual(sums.map((_, i) => query.reduce((sum, q, k) => sum + q * codes[i * width + k], 0)));
        },
      ),
    );
  });

  test("of −128 in every code and −32,768 in every number of the query does not overflow within a pair", () => {
    const [codes, query] = [new Int8Array(32).fill(-128), new Int16Array(32).fill(-32768)];
    const [got] = run([asNumbers(codes), asNumbers(query)], [1], ([c, q], [out]) => kernels.dotCodes(1, 32, c, q, out));
    expect([...new Int32Array(got.buffer)]).toEqual([32 * 128 * 32768]);
  });
});
