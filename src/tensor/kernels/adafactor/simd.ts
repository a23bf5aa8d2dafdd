/**
 * The steps of Adafactor, each in one pass over its numbers.
 *
 *     g ← gradScale·g      u = g/√v      m′ = β₁·m + (1 − β₁)·u      p ← p − (lr·m′ + decay·p)      m ← m′, or bfloat16(m′)
 *
 * The whole v is stored, v ← v + (1 − β₂)(g² + ε − v), or 1/√v is the product of a row factor and a column factor. Sums of squares
 * down a column are f32 sums of at most BLOCK rows, added in f64.
 *
 * Shazeer & Stern 2018, arXiv:1804.04235; Zhai et al. 2021, arXiv:2106.04560.
 */
import type { Heap } from "../../heap.ts";
import { type Code, call, type Expr, func, type Local, type Variant } from "../../wasm/assembler.ts";
import {
  add, and, div, f32, f32x4, f64, gt, i32, i32x4, lt, madd, memoryFill, mul, select, shrU, sqrt, store, sub,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { inc, loopWhile } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, clear, eachRow, type Lanes, sumAcross, UNROLL, vectors } from "../../wasm/rows.ts";
import { carry } from "../carry.ts";
import { scratch } from "../scratch.ts";
import { bfloat16 } from "./bfloat16.ts";
import type { AdafactorArgs, AdafactorKernels } from "./interface.ts";

const BLOCK = 32; // rows of an f32 sum

/** Means of the squares of some rows, and their sums down the columns, added to the f32 sums [middle, cols]. */
const squaresBlock = func([i32, i32, i32, i32, f32, i32, i32], (rows, middle, cols, g, gradScale, byRow, sums) => {
  const [left, at] = [i32.local(), i32.local()];
  const scale = f32x4.local();
  const [x, total] = [vectors(UNROLL), vectors(UNROLL)];
  return [
    scale.set(f32x4.splat(gradScale)),
    eachRow(rows, [
      [at.set(sums), left.set(middle)],
      eachRow(left, [
        clear(total),
        alongRow(cols, UNROLL, [g, at], (lanes) => [
          lanes.map((v, i) => x[i].set(mul(v.load(g), scale))),
          lanes.map((_, i) => total[i].set(madd(x[i], x[i], total[i]))),
          lanes.map((v, i) => x[i].set(madd(x[i], x[i], v.load(at)))),
          lanes.map((v, i) => v.store(at, x[i])),
        ]),
        store(byRow, div(sumAcross(total), f32.convert(cols))),
        inc(byRow, 4),
      ]),
    ]),
  ];
});

/** out = totals/rows, f64 to f32. */
const means = func([i32, i32, i32, i32], (n, rows, totals, out) =>
  loopWhile(gt(n, 0), [
    store(out, f32.demote(div(f64.load(totals), f64.convert(rows)))),
    inc(totals, 8),
    inc(out, 4),
    n.set(sub(n, 1)),
  ]),
);

/** `padded` is middle·cols rounded up to whole vectors. */
const meanSquares = func(
  [i32, i32, i32, i32, i32, i32, f32, i32, i32, i32, i32],
  (outer, rows, middle, cols, padded, g, gradScale, byRow, byColumn, sums, totals) => {
    const [left, some, lines, columns] = [i32.local(), i32.local(), i32.local(), i32.local()];
    return [
      columns.set(mul(middle, cols)),
      eachRow(outer, [
        memoryFill(sums, 0, mul(padded, 4)),
        memoryFill(totals, 0, mul(padded, 8)),
        left.set(rows),
        loopWhile(gt(left, 0), [
          some.set(select(lt(left, BLOCK), left, BLOCK)),
          call(squaresBlock, some, middle, cols, g, gradScale, byRow, sums),
          call(carry, padded, sums, totals),
          lines.set(mul(mul(some, middle), 4)),
          inc(byRow, lines),
          inc(g, mul(lines, cols)),
          left.set(sub(left, some)),
        ]),
        call(means, columns, rows, totals, byColumn),
        inc(byColumn, mul(columns, 4)),
      ]),
    ];
  },
);

/** The nearest bfloat16 number, ties to even. */
function rounded(x: Local<"f32x4">): Expr<"f32x4"> {
  const bits = i32x4.reinterpret(x);
  const half = add(and(shrU(bits, 16), i32x4.const(1)), i32x4.const(0x7fff));
  return f32x4.reinterpret(and(add(bits, half), i32x4.const(0xffff0000)));
}

interface Rates {
  readonly lr: Local<"f32x4">;
  readonly decay: Local<"f32x4">;
  readonly beta1: Local<"f32x4">;
  readonly weight1: Local<"f32x4">;
}

/** Moves vectors of p and m; `direction` emits u. */
function move(
  rounds: boolean,
  lanes: readonly Lanes[],
  [p, m]: readonly Local<"i32">[],
  { lr, decay, beta1, weight1 }: Rates,
  direction: (at: Lanes, index: number) => { code: Code; u: Expr<"f32x4"> },
): Code {
  const [momentum, param] = [vectors(lanes.length), vectors(lanes.length)];
  return [
    lanes.map((at, i) => {
      const { code, u } = direction(at, i);
      return [
        code,
        momentum[i].set(madd(u, weight1, mul(at.load(m), beta1))),
        param[i].set(at.load(p)),
        param[i].set(sub(param[i], madd(param[i], decay, mul(momentum[i], lr)))),
        rounds ? momentum[i].set(rounded(momentum[i])) : [],
      ];
    }),
    lanes.map((at, i) => at.store(m, momentum[i])),
    lanes.map((at, i) => at.store(p, param[i])),
  ];
}

const factored = (rounds: boolean) =>
  func(
    [i32, i32, i32, i32, i32, i32, i32, i32, i32, f32, f32, f32, f32, f32],
    (outer, rows, middle, cols, p, g, m, rowFactor, columnFactor, gradScale, ...scalars) => {
      const [left, parts, column] = [i32.local(), i32.local(), i32.local()];
      const rates = vectors(scalars.length);
      const [lr, decay, beta1, weight1] = rates;
      const factor = f32x4.local();
      return [
        rates.map((rate, i) => rate.set(f32x4.splat(scalars[i]))),
        eachRow(outer, [
          left.set(rows),
          eachRow(left, [
            [column.set(columnFactor), parts.set(middle)],
            eachRow(parts, [
              factor.set(f32x4.splat(mul(f32.load(rowFactor), gradScale))),
              alongRow(cols, UNROLL, [p, g, m, column], (lanes) =>
                move(rounds, lanes, [p, m], { lr, decay, beta1, weight1 }, (at) => ({
                  code: [],
                  u: mul(mul(at.load(g), factor), at.load(column)),
                })),
              ),
              inc(rowFactor, 4),
            ]),
          ]),
          inc(columnFactor, mul(mul(middle, cols), 4)),
        ]),
      ];
    },
  );

const full = (rounds: boolean) =>
  func([i32, i32, i32, i32, i32, f32, f32, f32, f32, f32, f32, f32], (n, p, g, m, v, ...scalars) => {
    const factors = vectors(scalars.length);
    const [lr, decay, beta1, weight1, gradScale, weight2, eps] = factors;
    return [
      factors.map((factor, i) => factor.set(f32x4.splat(scalars[i]))),
      alongRow(n, UNROLL, [p, g, m, v], (lanes) => {
        const [grad, second] = [vectors(lanes.length), vectors(lanes.length)];
        return [
          move(rounds, lanes, [p, m], { lr, decay, beta1, weight1 }, (at, i) => ({
            code: [
              grad[i].set(mul(at.load(g), gradScale)),
              second[i].set(at.load(v)),
              second[i].set(madd(sub(madd(grad[i], grad[i], eps), second[i]), weight2, second[i])),
            ],
            u: div(grad[i], sqrt(second[i])),
          })),
          lanes.map((at, i) => at.store(v, second[i])),
        ];
      }),
    ];
  });

const functions = {
  meanSquares,
  factored: factored(false),
  factoredRounding: factored(true),
  full: full(false),
  fullRounding: full(true),
};

export function simdAdafactor(heap: Heap, variant: Variant): AdafactorKernels {
  const wasm = instantiate(heap.memory, variant, functions);
  const workspace = scratch(heap);
  const ratesOf = ({ lr, decay, beta1, bfloat16: rounds }: AdafactorArgs) =>
    [lr, decay, rounds ? bfloat16(beta1) : beta1, 1 - beta1] as const;
  return {
    meanSquares({ outer, rows, middle, cols }, g, gradScale, byRow, byColumn) {
      const padded = Math.ceil((middle * cols) / 4) * 4;
      const totals = workspace(padded * 12);
      const sums = totals + padded * 8;
      wasm.meanSquares(outer, rows, middle, cols, padded, g, gradScale, byRow, byColumn, sums, totals);
    },
    adafactorFactored({ outer, rows, middle, cols }, p, g, m, rowFactor, columnFactor, args) {
      const step = args.bfloat16 ? wasm.factoredRounding : wasm.factored;
      step(outer, rows, middle, cols, p, g, m, rowFactor, columnFactor, args.gradScale, ...ratesOf(args));
    },
    adafactor(n, p, g, m, v, args) {
      const step = args.bfloat16 ? wasm.fullRounding : wasm.full;
      step(n, p, g, m, v, ...ratesOf(args), args.gradScale, 1 - args.beta2, args.eps);
    },
  };
}
