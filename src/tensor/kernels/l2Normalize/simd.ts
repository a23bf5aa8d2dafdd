/**
 * Rows divided by their length, and the gradient of that. Everything between load and store is f64, which holds the
 * square of every f32 number: 1e20 does not overflow, and 1e-23 does not vanish.
 *
 *     y = x / (‖x‖ + eps)      dx = (g − x·⟨g, x⟩ / (‖x‖·(‖x‖ + eps))) / (‖x‖ + eps)      zeros where ‖x‖ = 0
 *
 * x, y, g, dx [rows, cols]   norm [rows]
 */
import type { Heap } from "../../heap.ts";
import { type Expr, func, seq, type Variant } from "../../wasm/assembler.ts";
import {
  add,
  div,
  eq,
  f32,
  f64,
  f64x2,
  i32,
  lane,
  madd,
  memoryFill,
  mul,
  nmadd,
  select,
  shl,
  sqrt,
  store,
} from "../../wasm/instructions.ts";
import { inc, when } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, demoteBoth, eachRow, promoteHigh, storeAll, vectors } from "../../wasm/rows.ts";
import type { L2NormalizeKernels } from "./interface.ts";

const VECTORS = 2; // in flight: four of f64

/** Σ a·b over a row. */
function dot(cols: Expr<"i32">, a: Expr<"i32">, b: Expr<"i32">) {
  const [aAt, bAt] = [i32.local(), i32.local()];
  const [va, vb] = [vectors(VECTORS), vectors(VECTORS)];
  const sums = Array.from({ length: 2 * VECTORS }, () => f64x2.local());
  const total = f64x2.local();
  return seq(
    [
      sums.map((sum) => sum.set(f64x2.const(0))),
      aAt.set(a),
      bAt.set(b),
      alongRow(cols, VECTORS, [aAt, bAt], (lanes) => [
        lanes.map((v, i) => [va[i].set(v.load(aAt)), vb[i].set(v.load(bAt))]),
        lanes.map((_, i) => [
          sums[2 * i].set(madd(f64x2.promoteLow(va[i]), f64x2.promoteLow(vb[i]), sums[2 * i])),
          sums[2 * i + 1].set(madd(promoteHigh(va[i]), promoteHigh(vb[i]), sums[2 * i + 1])),
        ]),
      ]),
      total.set(add(add(sums[0], sums[1]), add(sums[2], sums[3]))),
    ],
    add(lane(total, 0), lane(total, 1)),
  );
}

const forward = func([i32, i32, f64, i32, i32, i32], (rows, cols, eps, x, y, norm) => {
  const length = f64.local();
  const factor = f64x2.local();
  const v = vectors(VECTORS);
  return eachRow(rows, [
    length.set(sqrt(dot(cols, x, x))),
    store(norm, f32.demote(length)),
    inc(norm, 4),
    factor.set(f64x2.splat(select(eq(length, 0), f64.const(0), div(f64.const(1), add(length, eps))))),
    alongRow(cols, VECTORS, [x, y], (lanes) => [
      lanes.map((l, i) => v[i].set(l.load(x))),
      lanes.map((_, i) => v[i].set(demoteBoth(mul(f64x2.promoteLow(v[i]), factor), mul(promoteHigh(v[i]), factor)))),
      storeAll(lanes, y, v),
    ]),
  ]);
});

const backward = func([i32, i32, f64, i32, i32, i32, i32], (rows, cols, eps, x, norm, g, dx) => {
  const [length, factor] = [f64.local(), f64.local()];
  const [along, scale] = [f64x2.local(), f64x2.local()];
  const [vx, vg] = [vectors(VECTORS), vectors(VECTORS)];
  const bytes = shl(cols, 2);
  return eachRow(rows, [
    length.set(f64.promote(f32.load(norm))),
    inc(norm, 4),
    when(
      eq(length, 0),
      [memoryFill(dx, 0, bytes), inc(x, bytes), inc(g, bytes), inc(dx, bytes)],
      [
        factor.set(div(f64.const(1), add(length, eps))),
        scale.set(f64x2.splat(factor)),
        along.set(f64x2.splat(mul(div(dot(cols, x, g), length), factor))),
        alongRow(cols, VECTORS, [x, g, dx], (lanes) => [
          lanes.map((l, i) => [vx[i].set(l.load(x)), vg[i].set(l.load(g))]),
          lanes.map((_, i) =>
            vg[i].set(
              demoteBoth(
                mul(nmadd(f64x2.promoteLow(vx[i]), along, f64x2.promoteLow(vg[i])), scale),
                mul(nmadd(promoteHigh(vx[i]), along, promoteHigh(vg[i])), scale),
              ),
            ),
          ),
          storeAll(lanes, dx, vg),
        ]),
      ],
    ),
  ]);
});

export function simdL2Normalize({ memory }: Heap, variant: Variant): L2NormalizeKernels {
  const wasm = instantiate(memory, variant, { forward, backward });
  return { l2Normalize: wasm.forward, l2NormalizeGrad: wasm.backward };
}
