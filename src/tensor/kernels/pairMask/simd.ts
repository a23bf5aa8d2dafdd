/** Which pairs of a tile count, 16 at a time. No arithmetic rounds here, so results are those of the plain loops, bit by bit. */
import type { Heap } from "../../heap.ts";
import { type Code, type Expr, func, type Variant } from "../../wasm/assembler.ts";
import {
  add, and, anyTrue, bitselect, f32, f32x4, ge, gt, i32, i32x4, lane, mul, or, shl, shrU, store, sub, xor,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { inc, range, when } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, eachRow, storeAll, UNROLL, vectors } from "../../wasm/rows.ts";
import type { PairMaskKernels } from "./interface.ts";
import { MIX } from "./mix.ts";

const MASKED = f32x4.const(Number.NEGATIVE_INFINITY);
const SIGN = i32x4.const(0x80000000);
const words = (count: number) => Array.from({ length: count }, () => i32x4.local());

/** Keeps the entries for which sign·s compares so with `least`. */
const keepWhere = (compare: typeof ge) =>
  func([i32, i32, f32, f32], (n, s, sign, least) => {
    const [signs, leasts] = vectors(2);
    const value = vectors(UNROLL);
    return [
      signs.set(f32x4.splat(sign)),
      leasts.set(f32x4.splat(least)),
      alongRow(n, UNROLL, [s], (lanes) => [
        lanes.map((l, i) => value[i].set(l.load(s))),
        lanes.map((_, i) => value[i].set(bitselect(compare(mul(value[i], signs), leasts), value[i], MASKED))),
        storeAll(lanes, s, value),
      ]),
    ];
  });
const [keepAtLeast, keepAbove] = [keepWhere(ge), keepWhere(gt)];

/** Words compare as signed numbers, so the highest bit of both is flipped: `most` comes flipped. */
const keepRandom = func([i32, i32, i32, i32, i32, i32], (rows, cols, s, rowKeys, colKeys, most) => {
  const keysAt = i32.local();
  const [ofRow, mosts] = words(2);
  const mixed = words(UNROLL);
  const value = vectors(UNROLL);
  return [
    mosts.set(i32x4.splat(most)),
    eachRow(rows, [
      ofRow.set(i32x4.splat(i32.load(rowKeys))),
      keysAt.set(colKeys),
      alongRow(cols, UNROLL, [s, keysAt], (lanes) => [
        lanes.map((l, i) => mixed[i].set(xor(i32x4.reinterpret(l.load(keysAt)), ofRow))),
        MIX.map(([shift, factor]) => [
          lanes.map((_, i) => mixed[i].set(xor(mixed[i], shrU(mixed[i], shift)))),
          factor === undefined ? [] : lanes.map((_, i) => mixed[i].set(mul(mixed[i], i32x4.const(factor)))),
        ]),
        lanes.map((l, i) => value[i].set(l.load(s))),
        lanes.map((_, i) => value[i].set(bitselect(gt(xor(mixed[i], SIGN), mosts), MASKED, value[i]))),
        storeAll(lanes, s, value),
      ]),
      inc(rowKeys, 4),
    ]),
  ];
});

/** Returns the end of the list, and stores the count of entries above `high` at `counted`. Few groups of 16 hold an entry between. */
const findBetween = func([i32, i32, f32, f32, f32, i32, i32], (n, s, sign, low, high, found, counted) => {
  const [first, end, place, total] = Array.from({ length: 4 }, () => i32.local());
  const [signs, lows, highs] = vectors(3);
  const value = vectors(UNROLL);
  const above = words(UNROLL);
  const between = i32x4.local();
  const entry = f32.local();
  const each = (also: Code): Code =>
    range(place, first, end, 1, [
      entry.set(mul(f32.load(add(s, shl(place, 2))), sign)),
      store(found, place),
      inc(found, shl(and(ge(entry, low), ge(high, entry)), 2)),
      also,
    ]);
  const group = 4 * UNROLL;
  const isBetween = (i: number): Expr<"i32x4"> => and(ge(value[i], lows), ge(highs, value[i]));
  const lanesOf = (i: number): Expr<"i32"> =>
    [1, 2, 3].reduce((sum, at) => add(sum, lane(above[i], at)), lane(above[i], 0));
  return [
    signs.set(f32x4.splat(sign)),
    lows.set(f32x4.splat(low)),
    highs.set(f32x4.splat(high)),
    range(first, 0, and(n, -group), group, [
      value.map((v, i) => v.set(mul(f32x4.load(add(s, shl(first, 2)), 16 * i), signs))),
      value.map((v, i) => above[i].set(sub(above[i], gt(v, highs)))),
      between.set(value.map((_, i) => isBetween(i)).reduce((a, b) => or(a, b))),
      when(anyTrue(between), [end.set(add(first, group)), each([])]),
    ]),
    end.set(n),
    each(inc(total, gt(entry, high))),
    store(
      counted,
      above.reduce<Expr<"i32">>((sum, _, i) => add(sum, lanesOf(i)), total),
    ),
    store(counted, found, 4),
  ];
});

export function simdPairMask(heap: Heap, variant: Variant): PairMaskKernels {
  const wasm = instantiate(heap.memory, variant, { keepAtLeast, keepAbove, keepRandom, findBetween });
  const counted = heap.allocate(8);
  return {
    keepAtLeast: wasm.keepAtLeast,
    keepAbove: wasm.keepAbove,
    keepRandom: (rows, cols, s, rowKeys, colKeys, most) =>
      wasm.keepRandom(rows, cols, s, rowKeys, colKeys, most ^ 0x80000000),
    findBetween(n, s, sign, low, high, found) {
      wasm.findBetween(n, s, sign, low, high, found, counted);
      const [above, end] = new Int32Array(heap.memory.buffer, counted, 2);
      return { above, count: ((end >>> 0) - found) / 4 };
    },
  };
}
