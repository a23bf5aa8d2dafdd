/** Activations; value and derivative are one stable loop each, also at |x| = 10⁴. */

import type { Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

/** d tanh x = (1 − tanh² x) dx. */
export const tanh = op("tanh", (x: Tensor) => ({ value: T.tanh(x), vjps: [(g) => T.unaryGrad("tanh", x, g)] }));

/** d σ(x) = σ(x)·σ(−x) dx. */
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

/** The tanh form of GELU (Hendrycks & Gimpel 2016, arXiv:1606.08415). */
export const gelu = op("gelu", (x: Tensor) => ({ value: T.gelu(x), vjps: [(g) => T.unaryGrad("gelu", x, g)] }));

/** GELU as x·Φ(x), Φ the normal distribution; d geluErf(x) = (Φ(x) + x·φ(x)) dx. */
export const geluErf = op("geluErf", (x: Tensor) => ({
  value: T.geluErf(x),
  vjps: [(g) => T.unaryGrad("geluErf", x, g)],
}));
