/** Instructions for integers of 8 and 16 bits in a vector. */
import { constant, type Expr, type Statement, statement, unsigned, type Vector } from "./assembler.ts";

/** Sums of the products of neighbours, exact: lane i is a₂ᵢ·b₂ᵢ + a₂ᵢ₊₁·b₂ᵢ₊₁. */
export const dotPairs = (a: Expr<"i16x8">, b: Expr<"i16x8">): Expr<"i32x4"> => ({
  type: "i32x4",
  emit: (to) => {
    a.emit(to);
    b.emit(to);
    to.op(0xfd00ba);
  },
});

const narrow =
  <From extends Vector, To extends Vector>(type: To, code: number) =>
  (a: Expr<From>, b: Expr<From>): Expr<To> => ({
    type,
    emit: (to) => {
      a.emit(to);
      b.emit(to);
      to.op(code);
    },
  });
const to16 = narrow<"i32x4", "i16x8">("i16x8", 0xfd0085);
const to8 = narrow<"i16x8", "i32x4">("i32x4", 0xfd0065);
const to8U = narrow<"i16x8", "i32x4">("i32x4", 0xfd0066);
/** Sixteen integers as bytes in the same order; what is out of range becomes −128 or 127. */
export const packBytes = (a: Expr<"i32x4">, b: Expr<"i32x4">, c: Expr<"i32x4">, d: Expr<"i32x4">): Expr<"i32x4"> =>
  to8(to16(a, b), to16(c, d));
/** Eight integers as the first eight bytes, in the same order; what is out of range becomes 0 or 255. Zeros behind them. */
export const packBytesU = (a: Expr<"i32x4">, b: Expr<"i32x4">): Expr<"i32x4"> =>
  to8U(to16(a, b), constant("i16x8", [0]));

/** The chosen bytes of a (0 to 15) and b (16 to 31). */
export function shuffleBytes<T extends Vector>(a: Expr<T>, b: Expr<NoInfer<T>>, bytes: readonly number[]): Expr<T> {
  return {
    type: a.type,
    emit: (to) => {
      a.emit(to);
      b.emit(to);
      to.op(0xfd000d);
      to.bytes(...bytes);
    },
  };
}

const STORE_PART = { 1: 0xfd0058, 2: 0xfd0059, 8: 0xfd005b } as const;
/** Writes part `index` of a vector that is cut into parts of so many bytes. */
export function storePart(
  address: Expr<"i32">,
  value: Expr<"i32x4">,
  bytes: keyof typeof STORE_PART,
  index: number,
  offset = 0,
): Statement {
  return statement((to) => {
    address.emit(to);
    value.emit(to);
    to.op(STORE_PART[bytes]);
    to.bytes(0, ...unsigned(offset), index);
  });
}
