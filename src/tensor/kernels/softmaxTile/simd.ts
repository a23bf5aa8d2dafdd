/**
 * One tile of the softmax loss: each pair counts in its row and in its column, so each of the two passes takes two exponentials a
 * pair where the sigmoid loss takes one.
 *
 *     Σⱼ e^(t·(s − aᵢ)),   Σᵢ e^(t·(s − cⱼ))        G = wᵢ·e^(t·(s − aᵢ)) + vⱼ·e^(t·(s − cⱼ))
 *
 * aᵢ and cⱼ are at least as large as every s of their row or column: exponents are at most 0, and nothing overflows. Sums along
 * rows: 16 neighbours pairwise in f32, then in f64. Sums over rows: STRIP rows pairwise, then strip after strip, in f32: at most
 * 27 roundings for the 192 rows of the largest tile. e^x is 0 for x < −87.68: products with subnormal numbers are slow.
 *
 * s, G [rows, cols]   a, w [rows]   c, v [cols]
 */
import type { Heap } from "../../heap.ts";
import { type Code, call, type Expr, func, type Local, type Variant } from "../../wasm/assembler.ts";
import { add, f32, f32x4, gt, i32, madd, max, mul, pmax, shl, store, sub } from "../../wasm/instructions.ts";
import { inc, loopWhile } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { across, alongRow, eachRow, pairwise, storeAll, UNROLL, vectors } from "../../wasm/rows.ts";
import { expFlush } from "../scalar/exp.ts";
import { scratch } from "../scratch.ts";
import { Sum } from "../softmax/simd.ts";
import type { SoftmaxTileKernels } from "./interface.ts";

const STRIP = 8; // rows whose sum over rows is taken in registers
const LOWEST = Number.NEGATIVE_INFINITY;

/** e^(t·(s − top)) */
const powerOf = (s: Expr<"f32x4">, top: Expr<"f32x4">, t: Expr<"f32x4">): Expr<"f32x4"> =>
  expFlush(mul(sub(s, top), t));

const tops = func([i32, i32, i32, i32, i32], (rows, cols, s, rowTops, colTops) => {
  const at = i32.local();
  const [value, top] = [vectors(UNROLL), vectors(UNROLL)];
  return eachRow(rows, [
    at.set(colTops),
    top.map((v) => v.set(f32x4.const(LOWEST))),
    alongRow(cols, UNROLL, [s, at], (lanes) => [
      lanes.map((l, i) => value[i].set(l.load(s, LOWEST))),
      lanes.map((_, i) => top[i].set(pmax(top[i], value[i]))),
      lanes.map((l, i) => value[i].set(pmax(l.load(at), value[i]))),
      storeAll(lanes, at, value),
    ]),
    store(rowTops, max(f32.load(rowTops), across(top, pmax))),
    inc(rowTops, 4),
  ]);
});

/** `terms` is room for a row: the engine fuses neighbouring vectors that are stored. */
const sumsOfRows = func([i32, i32, i32, f32, i32, i32, i32], (rows, cols, s, t, rowTops, rowSums, terms) => {
  const at = i32.local();
  const [ts, top] = vectors(2);
  const e = vectors(UNROLL);
  const sum = new Sum();
  return [
    ts.set(f32x4.splat(t)),
    eachRow(rows, [
      top.set(f32x4.splat(f32.load(rowTops))),
      at.set(terms),
      sum.clear(),
      alongRow(cols, UNROLL, [s, at], (lanes) => [
        lanes.map((l, i) => e[i].set(powerOf(l.load(s, LOWEST), top, ts))),
        storeAll(lanes, at, e),
        sum.add(lanes.map((_, i) => e[i])),
      ]),
      store(rowSums, f32.demote(sum.total)),
      inc(rowTops, 4),
      inc(rowSums, 4),
    ]),
  ];
});

/** Adds `height` rows of powers to the sums of their columns. */
const stripOf = (height: number) =>
  func([i32, i32, f32, i32, i32], (cols, s, t, colTops, colSums) => {
    const rows = Array.from({ length: height }, () => i32.local());
    const ts = f32x4.local();
    const top = vectors(2);
    const e = rows.map(() => vectors(2));
    return [
      ts.set(f32x4.splat(t)),
      rows.map((row, i) => row.set(i === 0 ? s : add(rows[i - 1], shl(cols, 2)))),
      alongRow(cols, 2, [...rows, colTops, colSums], (lanes) => [
        lanes.map((l, i) => top[i].set(l.load(colTops))),
        rows.map((row, r) => lanes.map((l, i) => e[r][i].set(powerOf(l.load(row), top[i], ts)))),
        lanes.map((l, i) => top[i].set(add(l.load(colSums), sumOf(e, i)))),
        storeAll(lanes, colSums, top),
      ]),
    ];
  });
const sumOf = (e: readonly Local<"f32x4">[][], i: number): Expr<"f32x4"> =>
  pairwise(
    e.map((row) => row[i]),
    add,
  );
const [strip, single] = [stripOf(STRIP), stripOf(1)];

/** colSums [cols] must be 0 before. */
const sumsOfColumns = func([i32, i32, i32, f32, i32, i32], (rows, cols, s, t, colTops, colSums) => {
  const strips = (height: number, of: typeof strip): Code =>
    loopWhile(gt(rows, height - 1), [
      call(of, cols, s, t, colTops, colSums),
      inc(s, mul(cols, 4 * height)),
      rows.set(sub(rows, height)),
    ]);
  return [strips(STRIP, strip), strips(1, single)];
});

const grad = func(
  [i32, i32, i32, f32, i32, i32, i32, i32],
  (rows, cols, s, t, rowTops, colTops, rowWeights, colWeights) => {
    const [topAt, weightAt] = [i32.local(), i32.local()];
    const [ts, top, weight] = vectors(3);
    const [value, ofRow, ofColumn] = [vectors(UNROLL), vectors(UNROLL), vectors(UNROLL)];
    return [
      ts.set(f32x4.splat(t)),
      eachRow(rows, [
        top.set(f32x4.splat(f32.load(rowTops))),
        weight.set(f32x4.splat(f32.load(rowWeights))),
        topAt.set(colTops),
        weightAt.set(colWeights),
        alongRow(cols, UNROLL, [s, topAt, weightAt], (lanes) => [
          lanes.map((l, i) => value[i].set(l.load(s))),
          lanes.map((_, i) => ofRow[i].set(powerOf(value[i], top, ts))),
          lanes.map((l, i) => ofColumn[i].set(powerOf(value[i], l.load(topAt), ts))),
          lanes.map((l, i) => value[i].set(madd(ofRow[i], weight, mul(ofColumn[i], l.load(weightAt))))),
          storeAll(lanes, s, value),
        ]),
        inc(rowTops, 4),
        inc(rowWeights, 4),
      ]),
    ];
  },
);

export function simdSoftmaxTile(heap: Heap, variant: Variant): SoftmaxTileKernels {
  const wasm = instantiate(heap.memory, variant, { tops, sumsOfRows, sumsOfColumns, grad });
  const room = scratch(heap);
  return {
    softmaxTileTops: wasm.tops,
    softmaxTileSums(rows, cols, s, t, rowTops, colTops, rowSums, colSums) {
      wasm.sumsOfRows(rows, cols, s, t, rowTops, rowSums, room(4 * cols));
      heap.f32.fill(0, colSums / 4, colSums / 4 + cols);
      wasm.sumsOfColumns(rows, cols, s, t, colTops, colSums);
    },
    softmaxTileGrad: wasm.grad,
  };
}
