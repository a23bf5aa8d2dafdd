/** Softmax and log-sum-exp over the last axis. */

import type { Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

/** yᵢ = eˣⁱ / Σⱼ eˣʲ.   dx = y ⊙ (g − ⟨g, y⟩): a constant added to a row of g has no effect. */
export const softmax = op("softmax", (x: Tensor) => {
  const value = T.softmax(x);
  return { value, vjps: [(g) => T.softmaxGrad(value, g)] };
});

/** log Σ eˣ: [..., N] → [...].   dx = softmax(x)·g. */
export const logSumExp = op("logSumExp", (x: Tensor) => {
  const value = T.logSumExp(x);
  return { value, vjps: [(g) => T.mul(T.softmax(x), T.reshape(g, [...g.shape, 1]))] };
});
