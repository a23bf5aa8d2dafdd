/**
 * Softmax and log-sum-exp of rows, with the largest entry subtracted first, so that nothing overflows:
 *
 *     yⱼ = e^(s·(xⱼ − top)) / Σₖ e^(s·(xₖ − top))      dx = s·y ⊙ (g − ⟨g, y⟩)      logSumExp = top + log Σₖ e^(xₖ − top)
 *
 * s is 1, or the 1/√headDim of attention. Sums: 16 neighbours pairwise in f32, then accumulated in f64, so the error of a sum
 * is about three roundings of its terms, however long the row. Results below 1.2e-38 of the largest entry are 0.
 *
 * x, y, g, dx [rows, cols]
 */
import type { Heap } from "../../heap.ts";
import { type Code, type Expr, func, type Local, seq, type Variant } from "../../wasm/assembler.ts";
import {
  abs,
  add,
  bitselect,
  div,
  f32,
  f32x4,
  f64,
  f64x2,
  i32,
  lane,
  lt,
  max,
  mul,
  pmax,
  storeLane,
  sub,
} from "../../wasm/instructions.ts";
import { inc } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import {
  across,
  alongRow,
  type Combine,
  eachRow,
  pairwise,
  promoteHigh,
  storeAll,
  UNROLL,
  vectors,
} from "../../wasm/rows.ts";
import type { Ptr } from "../ptr.ts";
import { expFlush, log } from "../scalar/exp.ts";
import type { SoftmaxKernels } from "./interface.ts";

const LOWEST = Number.NEGATIVE_INFINITY;

/** The largest entry of the row. */
function topOf(cols: Expr<"i32">, row: Expr<"i32">, larger: Combine): Expr<"f32"> {
  const at = i32.local();
  const top = vectors(UNROLL);
  return seq(
    [
      top.map((v) => v.set(f32x4.const(LOWEST))),
      at.set(row),
      alongRow(cols, UNROLL, [at], (lanes) => lanes.map((l, i) => top[i].set(larger(top[i], l.load(at, LOWEST))))),
    ],
    across(top, larger),
  );
}

/** A sum that accumulates in f64. */
export class Sum {
  readonly #low = f64x2.local();
  readonly #high = f64x2.local();
  readonly #block = f32x4.local();
  clear(): Code {
    return [this.#low.set(f64x2.const(0)), this.#high.set(f64x2.const(0))];
  }
  add(terms: readonly Local<"f32x4">[]): Code {
    return [
      this.#block.set(pairwise(terms, add)),
      this.#low.set(add(this.#low, f64x2.promoteLow(this.#block))),
      this.#high.set(add(this.#high, promoteHigh(this.#block))),
    ];
  }
  get total(): Expr<"f64"> {
    return seq(this.#low.set(add(this.#low, this.#high)), add(lane(this.#low, 0), lane(this.#low, 1)));
  }
}

const splat = (value: Expr<"f64">): Expr<"f32x4"> => f32x4.splat(f32.demote(value));

/** softmax of scale·x. */
export const softmaxForward = func([i32, i32, f32, i32, i32], (rows, cols, scale, x, y) => {
  const at = i32.local();
  const [top, s, factor] = vectors(3);
  const e = vectors(UNROLL);
  const sum = new Sum();
  return [
    s.set(f32x4.splat(scale)),
    eachRow(rows, [
      top.set(f32x4.splat(topOf(cols, x, pmax))),
      sum.clear(),
      at.set(y),
      alongRow(cols, UNROLL, [x, at], (lanes) => [
        lanes.map((l, i) => e[i].set(expFlush(mul(sub(l.load(x, LOWEST), top), s)))),
        storeAll(lanes, at, e),
        sum.add(lanes.map((_, i) => e[i])),
      ]),
      factor.set(splat(div(f64.const(1), sum.total))),
      alongRow(cols, UNROLL, [y], (lanes) => [
        lanes.map((l, i) => e[i].set(mul(l.load(y), factor))),
        storeAll(lanes, y, e),
      ]),
    ]),
  ];
});

/** dx of softmax(scale·x) = y. */
export const softmaxBackward = func([i32, i32, f32, i32, i32, i32], (rows, cols, scale, y, g, dx) => {
  const [yAt, gAt] = [i32.local(), i32.local()];
  const [inner, s] = vectors(2);
  const d = vectors(UNROLL);
  const sum = new Sum();
  return [
    s.set(f32x4.splat(scale)),
    eachRow(rows, [
      sum.clear(),
      yAt.set(y),
      gAt.set(g),
      alongRow(cols, UNROLL, [yAt, gAt], (lanes) => [
        lanes.map((l, i) => d[i].set(mul(l.load(yAt), l.load(gAt)))),
        sum.add(lanes.map((_, i) => d[i])),
      ]),
      inner.set(splat(sum.total)),
      alongRow(cols, UNROLL, [y, g, dx], (lanes) => [
        lanes.map((l, i) => d[i].set(mul(mul(l.load(y), s), sub(l.load(g), inner)))),
        storeAll(lanes, dx, d),
      ]),
    ]),
  ];
});

const logSumExp = func([i32, i32, i32, i32], (rows, cols, x, out) => {
  const top = f32x4.local();
  const e = vectors(UNROLL);
  const sum = new Sum();
  return eachRow(rows, [
    top.set(f32x4.splat(topOf(cols, x, max))), // NaN if one is NaN
    sum.clear(),
    alongRow(cols, UNROLL, [x], (lanes) => [
      lanes.map((l, i) => e[i].set(expFlush(sub(l.load(x, LOWEST), top)))),
      sum.add(lanes.map((_, i) => e[i])),
    ]),
    // The result for a row of −∞ (or with +∞) is its largest entry.
    top.set(bitselect(lt(abs(top), Number.POSITIVE_INFINITY), add(top, log(splat(sum.total))), top)),
    storeLane(out, top, 0),
    inc(out, 4),
  ]);
});

/** Softmax with a scaled argument, for attention. */
export interface ScaledSoftmax {
  softmax(rows: number, cols: number, scale: number, x: Ptr, out: Ptr): void;
  softmaxGrad(rows: number, cols: number, scale: number, y: Ptr, g: Ptr, dx: Ptr): void;
}

export function simdSoftmax(
  { memory }: Heap,
  variant: Variant,
): { readonly scaled: ScaledSoftmax; readonly kernels: SoftmaxKernels } {
  const wasm = instantiate(memory, variant, { softmax: softmaxForward, softmaxGrad: softmaxBackward, logSumExp });
  return {
    scaled: wasm,
    kernels: {
      softmax: (rows, cols, x, out) => wasm.softmax(rows, cols, 1, x, out),
      softmaxGrad: (rows, cols, y, g, dx) => wasm.softmaxGrad(rows, cols, 1, y, g, dx),
      logSumExp: wasm.logSumExp,
    },
  };
}
