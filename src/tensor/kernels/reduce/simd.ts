/**
 * Sums and maxima of a matrix, along its rows or over them. Sums are carried in f64, every number on its own: the only
 * rounding that shows is the last one, to f32. The order of a sum depends on the length of what is summed, on nothing else.
 */
import type { Heap } from "../../heap.ts";
import { type Code, func, type Local, type Variant } from "../../wasm/assembler.ts";
import { add, f32, f32x4, f64x2, i32, lane, max, shl, store } from "../../wasm/instructions.ts";
import { inc } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { across, alongRow, demoteBoth, eachRow, type Lanes, promoteHigh, vectors } from "../../wasm/rows.ts";
import type { Kernels } from "../kernels.ts";

const UNROLL = 4; // vectors in flight

const pairs = (count: number): Local<"f64x2">[] => Array.from({ length: count }, () => f64x2.local());
const UNROLLED = Array.from({ length: UNROLL });

/** low, high += the numbers of a row, vector by vector. */
const accumulate = (
  lanes: readonly Lanes[],
  row: Local<"i32">,
  low: Local<"f64x2">[],
  high: Local<"f64x2">[],
): Code => {
  const v = vectors(lanes.length);
  return [
    lanes.map((lane, i) => v[i].set(lane.load(row))),
    lanes.map((_, i) => low[i].set(add(low[i], f64x2.promoteLow(v[i])))),
    lanes.map((_, i) => high[i].set(add(high[i], promoteHigh(v[i])))),
  ];
};
const reset = (sums: readonly Local<"f64x2">[]): Code => sums.map((sum) => sum.set(f64x2.const(0)));

const sumAlongRows = func([i32, i32, i32, i32], (rows, cols, x, out) => {
  const [low, high, total] = [pairs(UNROLL), pairs(UNROLL), f64x2.local()];
  return eachRow(rows, [
    reset(low),
    reset(high),
    alongRow(cols, UNROLL, [x], (lanes) => accumulate(lanes, x, low, high)),
    UNROLLED.map((_, i) => low[i].set(add(low[i], high[i]))),
    total.set(add(add(low[0], low[1]), add(low[2], low[3]))),
    store(out, f32.demote(add(lane(total, 0), lane(total, 1)))),
    inc(out, 4),
  ]);
});

/** Down a strip of 16 columns, whose sums stay in registers, then the next strip. */
const sumOverRows = func([i32, i32, i32, i32], (rows, cols, x, out) => {
  const [left, at, step] = [i32.local(), i32.local(), i32.local()];
  const [low, high] = [pairs(UNROLL), pairs(UNROLL)];
  return [
    step.set(shl(cols, 2)),
    alongRow(cols, UNROLL, [x, out], (lanes) => [
      reset(low),
      reset(high),
      left.set(rows),
      at.set(x),
      eachRow(left, [accumulate(lanes, at, low, high), inc(at, step)]),
      lanes.map((strip, i) => strip.store(out, demoteBoth(low[i], high[i]))),
    ]),
  ];
});

/** NaN if one is NaN, like Math.max; −∞ of nothing. */
const maxAlongRows = func([i32, i32, i32, i32], (rows, cols, x, out) => {
  const top = vectors(UNROLL);
  return eachRow(rows, [
    top.map((v) => v.set(f32x4.const(Number.NEGATIVE_INFINITY))),
    alongRow(cols, UNROLL, [x], (lanes) =>
      lanes.map((v, i) => top[i].set(max(top[i], v.load(x, Number.NEGATIVE_INFINITY)))),
    ),
    store(out, across(top, max)),
    inc(out, 4),
  ]);
});

export function reduceKernels(
  heap: Heap,
  variant: Variant,
): Pick<Kernels, "sumAlongRows" | "sumOverRows" | "maxAlongRows"> {
  return instantiate(heap.memory, variant, { sumAlongRows, sumOverRows, maxAlongRows });
}
