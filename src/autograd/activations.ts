/**
 * Activations. Each derivative is one kernel, `unaryGrad`, which stays exact where the formula in the doc comment would overflow
 * or cancel; `test/autograd/formulas.test.ts` compares the two.
 */

import type { Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

/** d tanh(x) = (1 − tanh² x) dx. */
export const tanh = op("tanh", (x: Tensor) => ({ value: T.tanh(x), vjps: [(g) => T.unaryGrad("tanh", x, g)] }));

/** σ(x) = 1/(1 + e⁻ˣ); d σ(x) = σ(x)·σ(−x) dx. */
export const sigmoid = op("sigmoid", (x: Tensor) => ({
  value: T.sigmoid(x),
  vjps: [(g) => T.unaryGrad("sigmoid", x, g)],
}));

/** log σ(x); d log σ(x) = σ(−x) dx. */
export const logSigmoid = op("logSigmoid", (x: Tensor) => ({
  value: T.logSigmoid(x),
  vjps: [(g) => T.unaryGrad("logSigmoid", x, g)],
}));

/** log(1 + eˣ); d softplus(x) = σ(x) dx. */
export const softplus = op("softplus", (x: Tensor) => ({
  value: T.softplus(x),
  vjps: [(g) => T.unaryGrad("softplus", x, g)],
}));

/**
 * The tanh form of GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415): x·σ(u) with u = 2·√(2/π)·(x + 0.044715·x³);
 * d gelu(x) = (σ(u) + x·σ(u)·σ(−u)·u′) dx with u′ = 2·√(2/π)·(1 + 3·0.044715·x²).
 * The MLP of the towers is one operation with it, `mlp` (matmul.ts), in either form.
 */
export const gelu = op("gelu", (x: Tensor) => ({ value: T.gelu(x), vjps: [(g) => T.unaryGrad("gelu", x, g)] }));

/** GELU as x·Φ(x) with Φ the normal distribution; d geluErf(x) = (Φ(x) + x·φ(x)) dx. */
export const geluErf = op("geluErf", (x: Tensor) => ({
  value: T.geluErf(x),
  vjps: [(g) => T.unaryGrad("geluErf", x, g)],
}));
