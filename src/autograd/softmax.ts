/** Softmax and log-sum-exp over the last axis. */

import type { Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

export const softmax = op("softmax", (x: Tensor) => {
  const value = T.softmax(x);
  return { value, vjps: [(g) => T.softmaxGrad(value, g)] };
});

/** log Σ exp x: [..., N] → [...]. Its gradient is the softmax. */
export const logSumExp = op("logSumExp", (x: Tensor) => {
  const value = T.logSumExp(x);
  return { value, vjps: [(g) => T.mul(T.softmax(x), T.reshape(g, [...g.shape, 1]))] };
});
