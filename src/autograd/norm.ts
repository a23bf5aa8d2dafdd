/** Normalizations over the last axis. */

import type { Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

/**
 * (x − mean)/√(var + eps)·scale + bias. Ba et al. 2016, arXiv:1607.06450.   x [..., D]   scale, bias [D]
 *
 * The default eps is that of SigLIP's towers (flax).
 */
export const layerNorm = op("layerNorm", (x: Tensor, scale: Tensor, bias: Tensor, eps: number = 1e-6) => {
  const result = T.layerNorm(x, scale, bias, eps);
  return {
    value: result.value,
    vjp: (g) => {
      const { dx, dscale, dbias } = T.layerNormGrad(x, scale, result, g);
      return [dx, dscale, dbias];
    },
  };
});

/** Rows divided by their length, x/(‖x‖ + eps); the default eps is big_vision's. A zero row has value and gradient 0. */
export const l2Normalize = op("l2Normalize", (x: Tensor, eps: number = 1e-8) => {
  const { value, norm } = T.l2Normalize(x, eps);
  return { value, vjps: [(g) => T.l2NormalizeGrad(x, norm, g, eps)] };
});
