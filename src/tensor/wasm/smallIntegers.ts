/** Instructions for integers of 8 and 16 bits in a vector. */
import { constant, type Expr, type Statement, statement, unsigned } from "./assembler.ts";
import { binaryTo } from "./instructions.ts";

/** Sums of the products of neighbours, exact: lane i is a₂ᵢ·b₂ᵢ + a₂ᵢ₊₁·b₂ᵢ₊₁. */
export const dotPairs = binaryTo<"i16x8", "i32x4">({ i16x8: 0xfd00ba }, () => "i32x4");

const to16 = binaryTo<"i32x4", "i16x8">({ i32x4: 0xfd0085 }, () => "i16x8");
const to8 = binaryTo<"i16x8", "i32x4">({ i16x8: 0xfd0065 }, () => "i32x4");
const to8U = binaryTo<"i16x8", "i32x4">({ i16x8: 0xfd0066 }, () => "i32x4");
/** Sixteen integers as bytes in the same order; what is out of range becomes −128 or 127. */
export const packBytes = (a: Expr<"i32x4">, b: Expr<"i32x4">, c: Expr<"i32x4">, d: Expr<"i32x4">): Expr<"i32x4"> =>
  to8(to16(a, b), to16(c, d));
/** Eight integers as the first eight bytes, in the same order; what is out of range becomes 0 or 255. Zeros behind them. */
export const packBytesU = (a: Expr<"i32x4">, b: Expr<"i32x4">): Expr<"i32x4"> =>
  to8U(to16(a, b), constant("i16x8", [0]));

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
