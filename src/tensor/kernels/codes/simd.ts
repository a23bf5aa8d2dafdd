/**
 * Rows as 8-bit codes, and inner products of them; the formulas are in interface.ts.
 *
 * Encoding computes in f64, so that no number is too small or too large. In a product a code becomes 16 bits when it is read, and two
 * products are added to 32 bits; it goes row by row. Rows that share the vectors of the query would save reading those from the L1
 * cache, but four rows beside each other in memory are more than the processor prefetches well (at 1,000,000 × 768, 119 ms instead
 * of 37).
 */
import type { Heap } from "../../heap.ts";
import { type Code, type Expr, func, type Local, type Variant } from "../../wasm/assembler.ts";
import {
  abs, add, div, eq, f32x4, f64, f64x2, floor, gt, i16x8, i32, i32x4, lane, madd, mul, nmadd, pmax, select, shuffle, sqrt, store, sub,
} from "../../wasm/instructions.ts"; // biome-ignore format: one list
import { doWhile, inc } from "../../wasm/loops.ts";
import { instantiate } from "../../wasm/module.ts";
import { across, eachRow, promoteHigh, vectors } from "../../wasm/rows.ts";
import { dotPairs, packBytes } from "../../wasm/smallIntegers.ts";
import type { CodesKernels } from "./interface.ts";

const MOST = 127; // the largest code
const VECTORS = 4; // of f32 in an iteration of encoding: as many numbers as a vector has codes

/** Runs the body, which moves its addresses, for `step` of `cols` columns at a time. */
function alongColumns(cols: Expr<"i32">, step: number, body: Code): Code {
  const left = i32.local();
  return [left.set(cols), doWhile([body, left.set(sub(left, step))], gt(left, 0))];
}

type V = Local<"f32x4">;

/** The codes of y = x − m, vectors of f32, and the sums of the squares of y and of what the codes lose. */
function encodeVector(x: V, m: V, a: Expr<"f64x2">, inverse: Expr<"f64x2">, sums: readonly Local<"f64x2">[]) {
  const differences = [sub(f64x2.promoteLow(x), f64x2.promoteLow(m)), sub(promoteHigh(x), promoteHigh(m))];
  const halves = differences.map((half) => ({ half, v: f64x2.local(), c: f64x2.local() }));
  const [squares, errors] = sums;
  const code: Code = halves.map(({ half, v, c }) => [
    v.set(half),
    squares.set(madd(v, v, squares)),
    c.set(floor(add(mul(v, inverse), f64x2.const(0.5)))),
    v.set(nmadd(c, a, v)),
    errors.set(madd(v, v, errors)),
  ]);
  const [low, high] = halves.map(({ c }) => i32x4.truncSatLow(c));
  return { code, codes: shuffle(low, high, [0, 1, 4, 5]) };
}

// biome-ignore format: one parameter list
const encodeRows = func([i32, i32, i32, i32, i32, i32, i32, i32], (rows, cols, x, centre, codes, scale, error, length) => {
  const [x0, m0, top] = [i32.local(), i32.local(), f32x4.local()];
  const [v, m] = [vectors(VECTORS), vectors(VECTORS)];
  const [most, a, inverse] = [f64.local(), f64x2.local(), f64x2.local()];
  const sums = [f64x2.local(), f64x2.local()];
  const root = (sum: Expr<"f64x2">): Expr<"f64"> => sqrt(add(lane(sum, 0), lane(sum, 1)));
  const encoded = v.map((each, i) => encodeVector(each, m[i], a, inverse, sums));
  const [c0, c1, c2, c3] = encoded.map(({ codes: each }) => each);
  return eachRow(rows, [
    [x0.set(x), m0.set(centre), top.set(f32x4.const(0)), sums.map((sum) => sum.set(f64x2.const(0)))],
    alongColumns(cols, 4, [
      top.set(pmax(top, abs(sub(f32x4.load(x0), f32x4.load(m0))))),
      [inc(x0, 16), inc(m0, 16)],
    ]),
    m0.set(centre),
    most.set(f64.promote(across([top], pmax))),
    a.set(f64x2.splat(div(most, MOST))),
    inverse.set(f64x2.splat(select(eq(most, 0), f64.const(0), div(f64.const(MOST), most)))),
    alongColumns(cols, 4 * VECTORS, [
      v.map((each, i) => [each.set(f32x4.load(x, 16 * i)), m[i].set(f32x4.load(m0, 16 * i))]),
      encoded.map(({ code }) => code),
      store(codes, packBytes(c0, c1, c2, c3)),
      [inc(x, 16 * VECTORS), inc(m0, 16 * VECTORS), inc(codes, 4 * VECTORS)],
    ]),
    [store(scale, lane(a, 0)), store(length, root(sums[0])), store(error, root(sums[1]))],
    [scale, error, length].map((each) => inc(each, 8)),
  ]);
});

const STEP = 32; // columns in an iteration of a product: four vectors of 16 bits
const LANES = 8; // of i16x8

const dotCodes = func([i32, i32, i32, i32, i32], (rows, cols, codes, query, out) => {
  const from = i32.local();
  const [even, odd] = [i32x4.local(), i32x4.local()]; // two sums, so that neither waits for the other
  const v = i32x4.local();
  const plus = (sum: Local<"i32x4">, vector: number) =>
    sum.set(add(sum, dotPairs(i16x8.loadBytes(codes, LANES * vector), i16x8.load(from, 2 * LANES * vector))));
  return eachRow(rows, [
    [even.set(i32x4.const(0)), odd.set(i32x4.const(0)), from.set(query)],
    alongColumns(cols, STEP, [
      [plus(even, 0), plus(odd, 1), plus(even, 2), plus(odd, 3)],
      [inc(codes, STEP), inc(from, 2 * STEP)],
    ]),
    v.set(add(even, odd)),
    v.set(add(v, shuffle(v, v, [2, 3, 0, 1]))),
    store(out, lane(add(v, shuffle(v, v, [1, 0, 3, 2])), 0)),
    inc(out, 4),
  ]);
});

export function simdCodes({ memory }: Heap, variant: Variant): CodesKernels {
  return instantiate(memory, variant, { encodeRows, dotCodes });
}
