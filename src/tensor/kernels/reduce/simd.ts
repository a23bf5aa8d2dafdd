/**
 * Sums and maxima of a block, and of a matrix along its rows or over them. Every number is added in f64: the only rounding that
 * shows is the last one, to f32. (Sums over rows add four rows in f32 first, then in f64: an error of at most 2⁻²³·Σ|x| more.) The
 * order of a sum depends on its length only.
 */
import type { Heap } from "../../heap.ts";
import { type Code, type Expr, type F32x4, func, type Local, seq, type Variant } from "../../wasm/assembler.ts";
import { add, f32, f32x4, f64x2, ge, i32, lane, madd, max, shl, store, sub } from "../../wasm/instructions.ts";
import { inc, loopWhile } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { across, alongRow, demoteBoth, eachRow, pairwise, promoteHigh, UNROLL, vectors } from "../../wasm/rows.ts";
import type { ReduceKernels } from "./interface.ts";

const pairs = (count: number): Local<"f64x2">[] => Array.from({ length: count }, () => f64x2.local());
const UNROLLED = Array.from({ length: UNROLL });

/** low, high += the numbers of some vectors. */
const accumulate = (numbers: readonly F32x4[], low: Local<"f64x2">[], high: Local<"f64x2">[]): Code => {
  const v = vectors(numbers.length);
  return [
    numbers.map((each, i) => v[i].set(each)),
    v.map((each, i) => low[i].set(add(low[i], f64x2.promoteLow(each)))),
    v.map((each, i) => high[i].set(add(high[i], promoteHigh(each)))),
  ];
};
const reset = (sums: readonly Local<"f64x2">[]): Code => sums.map((sum) => sum.set(f64x2.const(0)));

const sumAlongRows = func([i32, i32, i32, i32], (rows, cols, x, out) => {
  const [low, high, total] = [pairs(UNROLL), pairs(UNROLL), f64x2.local()];
  return eachRow(rows, [
    reset(low),
    reset(high),
    alongRow(cols, UNROLL, [x], (lanes) =>
      accumulate(
        lanes.map(({ load }) => load(x)),
        low,
        high,
      ),
    ),
    UNROLLED.map((_, i) => low[i].set(add(low[i], high[i]))),
    total.set(add(add(low[0], low[1]), add(low[2], low[3]))),
    store(out, f32.demote(add(lane(total, 0), lane(total, 1)))),
    inc(out, 4),
  ]);
});

/** Down a strip of 16 columns, whose sums stay in registers, then the next strip. Four rows are added in f32 first. */
const sumOverRows = func([i32, i32, i32, i32], (rows, cols, x, out) => {
  const [left, step] = [i32.local(), i32.local()];
  const at = [0, 1, 2, 3].map(() => i32.local());
  const [low, high] = [pairs(UNROLL), pairs(UNROLL)];
  return [
    step.set(shl(cols, 2)),
    alongRow(cols, UNROLL, [x, out], (lanes) => [
      reset(low),
      reset(high),
      left.set(rows),
      at[0].set(x),
      loopWhile(ge(left, 4), [
        at.slice(1).map((row, i) => row.set(add(at[i], step))),
        accumulate(
          lanes.map(({ load }) =>
            pairwise(
              at.map((row) => load(row)),
              add,
            ),
          ),
          low,
          high,
        ),
        at[0].set(add(at[3], step)),
        left.set(sub(left, 4)),
      ]),
      eachRow(left, [
        accumulate(
          lanes.map(({ load }) => load(at[0])),
          low,
          high,
        ),
        inc(at[0], step),
      ]),
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

/** Σ f(x) over all numbers; `accumulate` adds f(x) to a sum. Eight pairs of sums, each over every 16th number. */
const total = (accumulate: (x: Local<"f64x2">, sum: Expr<"f64x2">) => Expr<"f64x2">) =>
  func([i32, i32], (n, x) => {
    const [low, high] = [pairs(UNROLL), pairs(UNROLL)];
    const x2 = f64x2.local();
    const v = f32x4.local();
    const all = (sums: readonly Expr<"f64x2">[]) => sums.reduce((a, b) => add(a, b));
    return seq(
      [
        alongRow(n, UNROLL, [x], (lanes) =>
          lanes.map((at, i) => [
            v.set(at.load(x)),
            x2.set(f64x2.promoteLow(v)),
            low[i].set(accumulate(x2, low[i])),
            x2.set(promoteHigh(v)),
            high[i].set(accumulate(x2, high[i])),
          ]),
        ),
        x2.set(add(all(low), all(high))),
      ],
      add(lane(x2, 0), lane(x2, 1)),
    );
  });

const sum = total((x, sum) => add(sum, x));
const sumSquares = total((x, sum) => madd(x, x, sum)); // the square of an f32 is exact in f64, so fusing changes nothing

export function simdReduce({ memory }: Heap, variant: Variant): ReduceKernels {
  return instantiate(memory, variant, { sum, sumSquares, sumAlongRows, sumOverRows, maxAlongRows });
}
