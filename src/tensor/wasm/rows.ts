/**
 * Walks along a row, a vector at a time: the basis of every kernel over rows.
 *
 * A row of `cols` numbers is groups of `unroll` vectors, then single vectors, then 1 to 3 numbers that are read into a
 * padded vector and written back lane by lane. The same formula is emitted for all three, so a number's result does not
 * depend on its position in the row, nothing outside the row is touched, and rows do not influence each other.
 *
 * Inside a group, all reads come before all writes. Several vectors are in flight at once, and the engine
 * may fuse neighbours into one of 256 bits.
 */
import { type Code, type Expr, type Local, type Operand, seq } from "./assembler.ts";
import {
  add, bitselect, f32x4, f64x2, ge, gt, i32, i32x4, lane, loadLane, lt, mul, shuffle, store, storeLane, sub,
} from "./instructions.ts"; // biome-ignore format: one list
import { inc, loopWhile, when } from "./loops.ts";

/** Default number of vectors in flight. */
export const UNROLL = 4;

/** One vector of a row: four numbers, or fewer at its end. */
export interface Lanes {
  /** Lanes beyond the end of the row hold `fill`. */
  readonly load: (row: Expr<"i32">, fill?: Operand<"f32x4">) => Expr<"f32x4">;
  readonly store: (row: Expr<"i32">, value: Expr<"f32x4">) => Code;
  /** The value, with `fill` beyond the end of the row: for sums over results of padding. */
  readonly within: (value: Expr<"f32x4">, fill: Operand<"f32x4">) => Expr<"f32x4">;
}

/** The vector `index` of a row. */
export const whole = (index: number): Lanes => ({
  load: (row) => f32x4.load(row, 16 * index),
  store: (row, value) => store(row, value, 16 * index),
  within: (value) => value,
});

const partial = (count: Expr<"i32">): Lanes => ({
  load: (row, fill = 0) => {
    const v = f32x4.local();
    const read = (index: number): Code => [
      v.set(loadLane(row, v, index, 4 * index)),
      index < 2 ? when(gt(count, index + 1), read(index + 1)) : [],
    ];
    return seq([v.set(fill), read(0)], v);
  },
  store: (row, value) => {
    const v = f32x4.local();
    const write = (index: number): Code => [
      storeLane(row, v, index, 4 * index),
      index < 2 ? when(gt(count, index + 1), write(index + 1)) : [],
    ];
    return [v.set(value), write(0)];
  },
  within: (value, fill) => bitselect(lt(i32x4.const(0, 1, 2, 3), i32x4.splat(count)), value, fill),
});

/**
 * Emits `body` for all vectors of a row, `unroll` of them at a time and then one at a time, and moves the addresses over
 * the row.
 */
export function alongRow(
  cols: Expr<"i32">,
  unroll: number,
  addresses: readonly Local<"i32">[],
  body: (lanes: readonly Lanes[]) => Code,
): Code {
  const left = i32.local();
  const turns = (vectors: number): Code =>
    loopWhile(ge(left, 4 * vectors), [
      body(Array.from({ length: vectors }, (_, i) => whole(i))),
      addresses.map((address) => inc(address, 16 * vectors)),
      left.set(sub(left, 4 * vectors)),
    ]);
  return [
    left.set(cols),
    turns(unroll),
    unroll > 1 ? turns(1) : [],
    when(left, [body([partial(left)]), addresses.map((address) => inc(address, mul(left, 4)))]),
  ];
}

/** Emits `body` for each row; the body moves its addresses itself (`alongRow` does). */
export const eachRow = (rows: Local<"i32">, body: Code): Code => loopWhile(gt(rows, 0), [body, rows.set(sub(rows, 1))]);

/** Writes a value to each vector of a row, the last first, as `storeVectors` does. */
export const storeAll = (lanes: readonly Lanes[], row: Expr<"i32">, values: readonly Expr<"f32x4">[]): Code =>
  lanes.map((each, i) => each.store(row, values[i])).reverse();

/**
 * Writes vectors side by side, the last first: where V8 fuses two vectors whose lower one is written first, it writes that one
 * twice, alone and fused.
 */
export const storeVectors = (at: Expr<"i32">, values: readonly Expr<"f32x4">[], offset = 0): Code =>
  values.map((value, i) => store(at, value, offset + 16 * i)).reverse();

/** A variable for each of `count` vectors in flight. */
export const vectors = (count: number): Local<"f32x4">[] => Array.from({ length: count }, () => f32x4.local());

export const clear = (sums: readonly Local<"f32x4">[]): Code => sums.map((sum) => sum.set(f32x4.const(0)));

export type Combine = (a: Expr<"f32x4">, b: Expr<"f32x4">) => Expr<"f32x4">;

/** Combines each half of the terms, then both, so that the chain of operations is short. */
export function pairwise(terms: readonly Expr<"f32x4">[], combine: Combine): Expr<"f32x4"> {
  if (terms.length === 1) return terms[0];
  const middle = Math.ceil(terms.length / 2);
  return combine(pairwise(terms.slice(0, middle), combine), pairwise(terms.slice(middle), combine));
}

/**
 * Combines all lanes of all terms to one number. A number that a row shares goes back into vectors by `splat`: the engine
 * fuses operations on vectors only if it sees that both halves of a shared one are equal.
 */
export function across(terms: readonly Expr<"f32x4">[], combine: Combine): Expr<"f32"> {
  const v = f32x4.local();
  return seq(
    [v.set(pairwise(terms, combine)), v.set(combine(v, shuffle(v, v, [2, 3, 0, 1])))],
    lane(combine(v, shuffle(v, v, [1, 0, 3, 2])), 0),
  );
}
export const sumAcross = (terms: readonly Expr<"f32x4">[]): Expr<"f32"> => across(terms, add);

/** Lanes 2 and 3 as f64. */
export const promoteHigh = (v: Local<"f32x4">): Expr<"f64x2"> => f64x2.promoteLow(shuffle(v, v, [2, 3, 2, 3]));

/** Four f64, as they came from `promoteLow` and `promoteHigh`, to f32. */
export const demoteBoth = (low: Expr<"f64x2">, high: Expr<"f64x2">): Expr<"f32x4"> =>
  shuffle(f32x4.demote(low), f32x4.demote(high), [0, 1, 4, 5]);
