/**
 * Softmax of rows of 16, four rows at once: next to its products, the largest cost of attention to few keys.
 *
 * A row is four vectors. Its single numbers (largest entry, sum, quotient) would leave three lanes empty and delay the next row.
 * Here a 4×4 block is transposed, so that each lane handles a row. Sums have the order of simd.ts, and so its bits.
 *
 * x, y, g, dx [rows, 16]
 */
import { type Code, call, type Expr, func, type Local } from "../../wasm/assembler.ts";
import { add, div, f32, f32x4, f64x2, ge, i32, mul, pmax, shuffle, sub } from "../../wasm/instructions.ts";
import { inc, loopWhile } from "../../wasm/loops.ts";
import { demoteBoth, pairwise, promoteHigh, storeVectors, vectors } from "../../wasm/rows.ts";
import { transposeBlock } from "../../wasm/transpose.ts";
import { expFlush } from "../scalar/exp.ts";
import { softmaxBackward, softmaxForward } from "./simd.ts";

const FOUR = [0, 1, 2, 3]; // rows at once, and vectors in a row
const COLUMNS = 16;
const VECTOR = 16; // bytes
const ROW = 4 * COLUMNS; // bytes

type V = Local<"f32x4">;

/** Lane r in all lanes. */
const everywhere = (v: V, r: number): Expr<"f32x4"> => shuffle(v, v, [r, r, r, r]);

const loadRow = (at: Expr<"i32">, r: number): Expr<"f32x4">[] => FOUR.map((n) => f32x4.load(at, ROW * r + VECTOR * n));
const storeRow = (at: Expr<"i32">, r: number, values: readonly Expr<"f32x4">[]): Code =>
  storeVectors(at, values, ROW * r);

/** Lane r: the sum of block r, accumulated in f64. */
function sumsOf(blocks: readonly V[]): { code: Code; low: Local<"f64x2">; high: Local<"f64x2"> } {
  const [low, high] = [f64x2.local(), f64x2.local()];
  const [a, b, c, d] = blocks;
  const sum = (half: (v: V) => Expr<"f64x2">): Expr<"f64x2"> =>
    add(add(add(half(a), half(c)), add(half(b), half(d))), 0); // adding 0: a sum that starts from 0 is never −0
  return { code: [transposeBlock(blocks), low.set(sum(f64x2.promoteLow)), high.set(sum(promoteHigh))], low, high };
}

/** The body for every four rows, then `rest` for the remaining ones; addresses advance by four rows. */
function fourRows(rows: Local<"i32">, addresses: readonly Local<"i32">[], body: Code, rest: Code): Code {
  const step: Code = [addresses.map((at) => inc(at, 4 * ROW)), rows.set(sub(rows, 4))];
  return [loopWhile(ge(rows, 4), [body, step]), rest];
}

/** softmax of scale·x. */
export const softmaxForward16 = func([i32, f32, i32, i32], (rows, scale, x, y) => {
  const [s, top] = vectors(2);
  const [tops, blocks, e] = [vectors(4), vectors(4), vectors(4)];
  const { code: sums, low, high } = sumsOf(blocks);
  const factor = f32x4.local();
  const body: Code = [
    tops.map((v, r) => v.set(pairwise(loadRow(x, r), pmax))),
    transposeBlock(tops),
    top.set(pairwise(tops, pmax)),
    FOUR.map((r) => [
      tops[0].set(everywhere(top, r)),
      loadRow(x, r).map((v, n) => e[n].set(expFlush(mul(sub(v, tops[0]), s)))),
      storeRow(y, r, e),
      blocks[r].set(pairwise(e, add)),
    ]),
    sums,
    factor.set(demoteBoth(div(f64x2.const(1), low), div(f64x2.const(1), high))),
    FOUR.map((r) => [
      tops[0].set(everywhere(factor, r)),
      loadRow(y, r).map((v, n) => e[n].set(mul(v, tops[0]))),
      storeRow(y, r, e),
    ]),
  ];
  return [s.set(f32x4.splat(scale)), fourRows(rows, [x, y], body, call(softmaxForward, rows, COLUMNS, scale, x, y))];
});

/** dx of softmax(scale·x) = y. */
export const softmaxBackward16 = func([i32, f32, i32, i32, i32], (rows, scale, y, g, dx) => {
  const [s, inner, own] = vectors(3);
  const [blocks, d] = [vectors(4), vectors(4)];
  const { code: sums, low, high } = sumsOf(blocks);
  const body: Code = [
    blocks.map((block, r) => {
      const gs = loadRow(g, r);
      return [loadRow(y, r).map((v, n) => d[n].set(mul(v, gs[n]))), block.set(pairwise(d, add))];
    }),
    sums,
    inner.set(demoteBoth(low, high)),
    FOUR.map((r) => {
      const gs = loadRow(g, r);
      return [
        own.set(everywhere(inner, r)),
        loadRow(y, r).map((v, n) => d[n].set(mul(mul(v, s), sub(gs[n], own)))),
        storeRow(dx, r, d),
      ];
    }),
  ];
  return [
    s.set(f32x4.splat(scale)),
    fourRows(rows, [y, g, dx], body, call(softmaxBackward, rows, COLUMNS, scale, y, g, dx)),
  ];
});
