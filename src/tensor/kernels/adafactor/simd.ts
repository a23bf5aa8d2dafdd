/**
 * One step of Adafactor: one pass over parameter, gradient and moments; factored, one over the gradient before it.
 *
 *     g ← gradScale·g      u = g/√v      m′ = β₁·m + (1 − β₁)·u      p ← p − (lr·m′ + decay·p)      m ← m′, or bfloat16(m′)
 *     v ← v + (1 − β₂)(g² + ε − v)
 *
 * Factored, v ≈ vRow·vColumn/mean, where vRow and vColumn are the means of v over cols and over rows, and mean is that of each. The
 * first pass gives the row factors 1/√vRow and the column factors √(mean/vColumn). Sums of squares down a column are f32 sums of
 * at most BLOCK rows, added in f64.
 *
 * Shazeer & Stern 2018, arXiv:1804.04235; Zhai et al. 2021, arXiv:2106.04560.
 */
import type { Heap } from "../../heap.ts";
import { type Code, call, drop, type Expr, func, type Local, seq, type Variant } from "../../wasm/assembler.ts";
import {
  add, and, div, f32, f32x4, f64, gt, i32, i32x4, lt, madd, memoryFill, mul, select, shl, shrU, sqrt, store, sub,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { inc, loopWhile } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, clear, eachRow, type Lanes, storeAll, sumAcross, UNROLL, vectors } from "../../wasm/rows.ts";
import { carry } from "../carry.ts";
import { scratch } from "../scratch.ts";
import { bfloat16 } from "./bfloat16.ts";
import type { AdafactorKernels } from "./interface.ts";

const BLOCK = 32; // rows of an f32 sum

/** Of some rows: their means of squares; the squares are also added to the f32 sums [middle, cols]. */
const squaresBlock = func([i32, i32, i32, i32, i32, i32, f32], (rows, middle, cols, g, means, sums, gradScale) => {
  const [left, at, perCol] = [i32.local(), i32.local(), f32.local()];
  const scale = f32x4.local();
  const [x, total] = [vectors(UNROLL), vectors(UNROLL)];
  return [
    scale.set(f32x4.splat(gradScale)),
    perCol.set(div(f32.const(1), f32.convert(cols))),
    eachRow(rows, [
      [at.set(sums), left.set(middle)],
      eachRow(left, [
        clear(total),
        alongRow(cols, UNROLL, [g, at], (lanes) => [
          lanes.map((each, i) => x[i].set(mul(each.load(g), scale))),
          lanes.map((_, i) => total[i].set(madd(x[i], x[i], total[i]))),
          lanes.map((each, i) => x[i].set(madd(x[i], x[i], each.load(at)))),
          storeAll(lanes, at, x),
        ]),
        store(means, mul(sumAcross(total), perCol)),
        inc(means, 4),
      ]),
    ]),
  ];
});

/** out = totals/rows, f64 to f32. */
const meansOf = func([i32, i32, i32, i32], (n, rows, totals, out) => {
  const perRow = f64.local();
  return [
    perRow.set(div(f64.const(1), f64.convert(rows))),
    eachRow(n, [store(out, f32.demote(mul(f64.load(totals), perRow))), inc(totals, 8), inc(out, 4)]),
  ];
});

/** v ← v + (1 − β₂)(squares + ε − v); returns Σ v. */
const average = func([i32, i32, i32, f32, f32], (n, squares, v, weight2, eps) => {
  const [weight, plus] = vectors(2);
  const [second, total] = [vectors(UNROLL), vectors(UNROLL)];
  return seq(
    [
      [weight.set(f32x4.splat(weight2)), plus.set(f32x4.splat(eps)), clear(total)],
      alongRow(n, UNROLL, [squares, v], (lanes) => [
        lanes.map((at, i) => second[i].set(at.load(v))),
        lanes.map((at, i) => second[i].set(madd(sub(add(at.load(squares), plus), second[i]), weight, second[i]))),
        storeAll(lanes, v, second),
        lanes.map((at, i) => total[i].set(add(total[i], at.within(second[i], 0)))),
      ]),
    ],
    sumAcross(total),
  );
});

/** out = √(scale/v) */
const inverseRoots = func([i32, i32, i32, f32], (n, v, out, scale) => {
  const above = f32x4.local();
  const x = vectors(UNROLL);
  return [
    above.set(f32x4.splat(scale)),
    alongRow(n, UNROLL, [v, out], (lanes) => [
      lanes.map((at, i) => x[i].set(sqrt(div(above, at.load(v, 1))))),
      storeAll(lanes, out, x),
    ]),
  ];
});

/** The first pass of one [rows, middle, cols]; `padded` is middle·cols rounded up to whole vectors. */
const moments = func(
  [i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, f32, f32, f32],
  (rows, middle, cols, padded, g, vRow, vColumn, rowFactor, columnFactor, sums, totals, gradScale, weight2, eps) => {
    const [left, some, lines, to] = [i32.local(), i32.local(), i32.local(), i32.local()];
    const sum = f32.local();
    return [
      memoryFill(sums, 0, mul(padded, 4)),
      memoryFill(totals, 0, mul(padded, 8)),
      [left.set(rows), to.set(rowFactor)],
      loopWhile(gt(left, 0), [
        some.set(select(lt(left, BLOCK), left, BLOCK)),
        call(squaresBlock, some, middle, cols, g, to, sums, gradScale),
        call(carry, padded, sums, totals),
        lines.set(mul(some, middle)),
        inc(to, shl(lines, 2)),
        inc(g, shl(mul(lines, cols), 2)),
        left.set(sub(left, some)),
      ]),
      call(meansOf, mul(middle, cols), rows, totals, columnFactor),
      drop(call(average, mul(rows, middle), rowFactor, vRow, weight2, eps)),
      call(inverseRoots, mul(rows, middle), vRow, rowFactor, 1),
      eachRow(middle, [
        sum.set(call(average, cols, columnFactor, vColumn, weight2, eps)),
        call(inverseRoots, cols, vColumn, columnFactor, div(sum, f32.convert(cols))),
        [vColumn, columnFactor].map((address) => inc(address, shl(cols, 2))),
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
}

/** Moves vectors of p and m; `direction` emits (1 − β₁)·u. */
function move(
  rounds: boolean,
  lanes: readonly Lanes[],
  [p, m]: readonly Local<"i32">[],
  { lr, decay, beta1 }: Rates,
  direction: (at: Lanes, index: number) => { code: Code; u: Expr<"f32x4"> },
): Code {
  const [momentum, param] = [vectors(lanes.length), vectors(lanes.length)];
  return [
    lanes.map((at, i) => {
      const { code, u } = direction(at, i);
      return [
        code,
        momentum[i].set(madd(at.load(m), beta1, u)),
        param[i].set(at.load(p)),
        param[i].set(sub(param[i], madd(param[i], decay, mul(momentum[i], lr)))),
        rounds ? momentum[i].set(rounded(momentum[i])) : [],
      ];
    }),
    storeAll(lanes, m, momentum),
    storeAll(lanes, p, param),
  ];
}

/** The second pass of one [rows, middle, cols]; weight1 is (1 − β₁)·gradScale. */
const factored = (rounds: boolean) =>
  func(
    [i32, i32, i32, i32, i32, i32, i32, i32, f32, f32, f32, f32],
    (rows, middle, cols, p, g, m, rowFactor, columnFactor, weight1, ...scalars) => {
      const [parts, column] = [i32.local(), i32.local()];
      const rates = vectors(scalars.length);
      const [lr, decay, beta1] = rates;
      const factor = f32x4.local();
      return [
        rates.map((rate, i) => rate.set(f32x4.splat(scalars[i]))),
        eachRow(rows, [
          [column.set(columnFactor), parts.set(middle)],
          eachRow(parts, [
            factor.set(f32x4.splat(mul(f32.load(rowFactor), weight1))),
            alongRow(cols, UNROLL, [p, g, m, column], (lanes) =>
              move(rounds, lanes, [p, m], { lr, decay, beta1 }, (at) => ({
                code: [],
                u: mul(mul(at.load(g), factor), at.load(column)),
              })),
            ),
            inc(rowFactor, 4),
          ]),
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
          move(rounds, lanes, [p, m], { lr, decay, beta1 }, (at, i) => ({
            code: [
              grad[i].set(mul(at.load(g), gradScale)),
              second[i].set(at.load(v)),
              second[i].set(madd(sub(madd(grad[i], grad[i], eps), second[i]), weight2, second[i])),
            ],
            u: div(mul(grad[i], weight1), sqrt(second[i])),
          })),
          storeAll(lanes, v, second),
        ];
      }),
    ];
  });

const functions = {
  moments,
  factored: factored(false),
  factoredRounding: factored(true),
  full: full(false),
  fullRounding: full(true),
};

export function simdAdafactor(heap: Heap, variant: Variant): AdafactorKernels {
  const wasm = instantiate(heap.memory, variant, functions);
  const workspace = scratch(heap);
  return {
    adafactor(n, p, g, m, v, { lr, decay, beta1, beta2, gradScale, eps, bfloat16: rounds }) {
      const step = rounds ? wasm.fullRounding : wasm.full;
      const kept = rounds ? bfloat16(beta1) : beta1;
      step(n, p, g, m, v, lr, decay, kept, 1 - beta1, gradScale, 1 - beta2, eps);
    },
    // Arguments are listed one by one: for small parameters, spreading them takes a sixth of the time.
    adafactorFactored({ outer, rows, middle, cols }, p, g, m, vRow, vColumn, args) {
      const { lr, decay, beta1, beta2, gradScale, eps, bfloat16: rounds } = args;
      const padded = Math.ceil((middle * cols) / 4) * 4;
      const [rowCount, columnCount] = [rows * middle, middle * cols];
      const totals = workspace(12 * padded + 4 * (rowCount + columnCount));
      const sums = totals + 8 * padded;
      const rowFactor = sums + 4 * padded;
      const columnFactor = rowFactor + 4 * rowCount;
      const step = rounds ? wasm.factoredRounding : wasm.factored;
      const kept = rounds ? bfloat16(beta1) : beta1;
      const weight1 = (1 - beta1) * gradScale;
      const weight2 = 1 - beta2;
      for (let i = 0; i < outer; i++) {
        const at = 4 * i * rowCount * cols;
        const [row, column] = [vRow + 4 * i * rowCount, vColumn + 4 * i * columnCount];
        wasm.moments(rows, middle, cols, padded, g + at, row, column, rowFactor, columnFactor, sums, totals, gradScale, weight2, eps); // biome-ignore format: one line
        step(rows, middle, cols, p + at, g + at, m + at, rowFactor, columnFactor, weight1, lr, decay, kept);
      }
    },
  };
}
