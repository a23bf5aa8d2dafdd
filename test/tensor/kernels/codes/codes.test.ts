import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simdCodes } from "../../../../src/tensor/kernels/codes/simd.ts";
import { Rng } from "../../../../src/tensor/random.ts";
import { heap, oracle, run, sameBits, seeds, VARIANTS } from "../arena.ts";

const sizes = fc.record({ rows: fc.integer({ min: 0, max: 13 }), cols: fc.integer({ min: 1, max: 5 }), seed: seeds });
const integers = (rng: Rng, count: number, most: number): number[] =>
  Array.from({ length: count }, () => Math.floor(rng.uniform() * (2 * most + 2)) - most - 1);
/** Bytes as numbers of the arena, which knows no others. */
const asNumbers = ({ buffer }: Int8Array | Int16Array): Float32Array => new Float32Array(buffer);

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
