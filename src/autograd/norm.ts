/** Normalizations over the last axis. */

import type { Tensor } from "../tensor/index.ts";
import * as T from "../tensor/index.ts";
import { op } from "./op.ts";

/**
 * x̂·scale + bias with x̂ = (x − mean)/√(var + eps) (Ba et al. 2016, arXiv:1607.06450).   x [..., D]   scale, bias [D]
 *
 *   dx = (h − mean(h) − x̂·mean(h ⊙ x̂)) / √(var + eps),  h = g ⊙ scale        dscale = Σ g ⊙ x̂        dbias = Σ g
 *
 * with means over a row and sums over rows. The default eps is that of SigLIP's towers (flax).
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

/**
 * Rows divided by their length, y = x/(‖x‖ + eps); the default eps is big_vision's.
 *
 *   dx = (g − x̂·⟨g, x̂⟩·‖x‖/(‖x‖ + eps)) / (‖x‖ + eps),  x̂ = x/‖x‖
 *
 * The gradient is (almost) orthogonal to the row, since the length of the row does not matter. A zero row has value and gradient 0.
 */
export const l2Normalize = op("l2Normalize", (x: Tensor, eps: number = 1e-8) => {
  const { value, norm } = T.l2Normalize(x, eps);
  return { value, vjps: [(g) => T.l2NormalizeGrad(x, norm, g, eps)] };
});
