/** Arithmetic with broadcasting, and functions of one argument. */

import type { Operand, Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

/** a + b, with broadcasting.   d(a + b) = da + db. */
export const add = op("add", (a: Operand, b: Operand) => ({
  value: T.add(a, b),
  vjps: [(g) => g, (g) => g],
  saves: [],
}));

/** a − b, with broadcasting.   d(a − b) = da − db. */
export const sub = op("sub", (a: Operand, b: Operand) => ({
  value: T.sub(a, b),
  vjps: [(g) => g, (g) => T.neg(g)],
  saves: [],
}));

/** a ⊙ b, element by element, with broadcasting.   d(a·b) = b da + a db. */
export const mul = op("mul", (a: Operand, b: Operand) => ({
  value: T.mul(a, b),
  vjps: [(g) => T.mul(g, b), (g) => T.mul(g, a)],
}));

/** a / b, with broadcasting.   d(a/b) = da/b − (a/b) db/b. */
export const div = op("div", (a: Operand, b: Operand) => {
  const value = T.div(a, b);
  return { value, vjps: [(g) => T.div(g, b), (g) => T.neg(T.div(T.mul(g, value), b))] };
});

/** −x. */
export const neg = op("neg", (x: Tensor) => ({ value: T.neg(x), vjps: [(g) => T.neg(g)] }));

/** |x|; at 0 the gradient is 0. */
export const abs = op("abs", (x: Tensor) => ({ value: T.abs(x), vjps: [(g) => T.mul(g, T.sign(x))] }));

/** x².   d x² = 2x dx. */
export const square = op("square", (x: Tensor) => ({
  value: T.square(x),
  vjps: [(g) => T.mul(g, T.mul(x, 2))],
}));

/** √x.   d √x = dx/(2√x). */
export const sqrt = op("sqrt", (x: Tensor) => {
  const value = T.sqrt(x);
  return { value, vjps: [(g) => T.div(T.mul(g, 0.5), value)] };
});

/** eˣ.   d eˣ = eˣ dx. */
export const exp = op("exp", (x: Tensor) => {
  const value = T.exp(x);
  return { value, vjps: [(g) => T.mul(g, value)] };
});

/** Natural logarithm.   d log x = dx/x. */
export const log = op("log", (x: Tensor) => ({ value: T.log(x), vjps: [(g) => T.div(g, x)] }));
