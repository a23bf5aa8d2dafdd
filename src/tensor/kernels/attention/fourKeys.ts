/**
 * The rows of attention to four keys: a row of scores is one vector, a key in each lane, and stays in a register from the products
 * through the softmax.
 *
 *     P[i, :] = softmax(scale·q[i, :]·kᵀ)      dS[i, :] = scale·P ⊙ (D − ⟨D, P⟩)      D = g[i, :]·vᵀ
 *
 * A product of q[i, :] with four keys is four vectors of partial sums; their transposed block, added up, is the row.
 *
 * q, g, k, v: rows of headDim, which is a multiple of 4; P, dS [queries, 4]
 */
import { type Code, type Expr, func, type Local } from "../../wasm/assembler.ts";
import { add, div, f32, f32x4, i32, madd, mul, pmax, shl, shuffle, store, sub } from "../../wasm/instructions.ts";
import { inc, range } from "../../wasm/loops.ts";
import { type Combine, clear, eachRow, pairwise, vectors } from "../../wasm/rows.ts";
import { transposeBlock } from "../../wasm/transpose.ts";
import { expFlush } from "../scalar/exp.ts";

type Address = Local<"i32">;

/** Sets lane j of `products` to x·y[j, :]; advances x over the row. `keys`: addresses of the rows of y. */
function rowProducts(headDim: Expr<"i32">, x: Address, keys: readonly Address[], products: Local<"f32x4">): Code {
  const [c, own] = [i32.local(), f32x4.local()];
  const at = keys.map(() => i32.local());
  const sums = vectors(4);
  return [
    clear(sums),
    at.map((address, j) => address.set(keys[j])),
    range(c, 0, headDim, 4, [
      own.set(f32x4.load(x)),
      sums.map((sum, j) => sum.set(madd(own, f32x4.load(at[j]), sum))),
      [x, ...at].map((address) => inc(address, 16)),
    ]),
    transposeBlock(sums),
    products.set(pairwise(sums, add)),
  ];
}

/** The combination of all lanes, in all lanes. */
function inAllLanes(v: Local<"f32x4">, combine: Combine): Code {
  return [v.set(combine(v, shuffle(v, v, [2, 3, 0, 1]))), v.set(combine(v, shuffle(v, v, [1, 0, 3, 2])))];
}

/** The addresses of the four rows of y. */
const rowsOf = (y: Expr<"i32">, yRow: Expr<"i32">, keys: readonly Address[]): Code =>
  keys.map((key, j) => key.set(j === 0 ? y : add(keys[j - 1], yRow)));
const fourAddresses = (): Address[] => Array.from({ length: 4 }, () => i32.local());

/** probs = softmax(scale·q·kᵀ). */
export const probabilities4 = func(
  [i32, i32, f32, i32, i32, i32, i32, i32],
  (queries, headDim, scale, q, qRow, k, kRow, probs) => {
    const [row, top, sum, s] = vectors(4);
    const keys = fourAddresses();
    const gap = i32.local();
    return [
      s.set(f32x4.splat(scale)),
      rowsOf(k, kRow, keys),
      gap.set(sub(qRow, shl(headDim, 2))),
      eachRow(queries, [
        rowProducts(headDim, q, keys, row),
        top.set(row),
        inAllLanes(top, pmax),
        row.set(expFlush(mul(sub(row, top), s))),
        sum.set(row),
        inAllLanes(sum, add),
        store(probs, div(row, sum)),
        inc(q, gap),
        inc(probs, 16),
      ]),
    ];
  },
);

/** dScores = scale·probs ⊙ (g·vᵀ − ⟨g·vᵀ, probs⟩). */
export const scoreGradients4 = func(
  [i32, i32, f32, i32, i32, i32, i32, i32, i32],
  (queries, headDim, scale, g, gRow, v, vRow, probs, dScores) => {
    const [row, p, inner, s] = vectors(4);
    const keys = fourAddresses();
    const gap = i32.local();
    return [
      s.set(f32x4.splat(scale)),
      rowsOf(v, vRow, keys),
      gap.set(sub(gRow, shl(headDim, 2))),
      eachRow(queries, [
        rowProducts(headDim, g, keys, row),
        p.set(f32x4.load(probs)),
        inner.set(mul(row, p)),
        inAllLanes(inner, add),
        store(dScores, mul(mul(p, s), sub(row, inner))),
        inc(g, gap),
        [probs, dScores].map((address) => inc(address, 16)),
      ]),
    ];
  },
);
