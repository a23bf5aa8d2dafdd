/**
 * Inner products of rows of 8-bit codes: a code becomes 16 bits when it is read, and two products are added to 32 bits.
 *
 * Row by row: rows that share the vectors of the query would save reading those from the L1 cache, but four rows beside each other
 * in memory are more than the processor prefetches well (at 1,000,000 × 768, 119 ms instead of 37).
 */
import type { Heap } from "../../heap.ts";
import { func, type Variant } from "../../wasm/assembler.ts";
import { add, dotPairs, gt, i16x8, i32, i32x4, lane, shuffle, store, sub } from "../../wasm/instructions.ts";
import { doWhile, inc } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { eachRow } from "../../wasm/rows.ts";
import type { CodesKernels } from "./interface.ts";

const STEP = 32; // columns in an iteration: four vectors of 16 bits
const LANES = 8; // of i16x8

const dotCodes = func([i32, i32, i32, i32, i32], (rows, cols, codes, query, out) => {
  const [left, from] = [i32.local(), i32.local()];
  const [even, odd] = [i32x4.local(), i32x4.local()]; // two sums, so that neither waits for the other
  const v = i32x4.local();
  const plus = (sum: typeof even, vector: number) =>
    sum.set(add(sum, dotPairs(i16x8.loadBytes(codes, LANES * vector), i16x8.load(from, 2 * LANES * vector))));
  return eachRow(rows, [
    [even.set(i32x4.const(0)), odd.set(i32x4.const(0)), left.set(cols), from.set(query)],
    doWhile(
      [
        [plus(even, 0), plus(odd, 1), plus(even, 2), plus(odd, 3)],
        [inc(codes, STEP), inc(from, 2 * STEP), left.set(sub(left, STEP))],
      ],
      gt(left, 0),
    ),
    v.set(add(even, odd)),
    v.set(add(v, shuffle(v, v, [2, 3, 0, 1]))),
    store(out, lane(add(v, shuffle(v, v, [1, 0, 3, 2])), 0)),
    inc(out, 4),
  ]);
});

export function simdCodes({ memory }: Heap, variant: Variant): CodesKernels {
  return instantiate(memory, variant, { dotCodes });
}
