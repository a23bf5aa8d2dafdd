/**
 * One step of AdamW in one pass over parameter, gradient and moments.
 *
 *     g ← gradScale·g      m ← m + (1 − β₁)(g − m)      v ← v + (1 − β₂)(g² − v)
 *     p ← p − (lr·m̂ / (√v̂ + ε) + decay·p),      m̂ = m / correction1, v̂ = v / correction2
 *
 * The moments are written as steps towards g and g²: with β and 1 − β rounded separately, the usual form
 * βm + (1 − β)g would have a slightly wrong mean.
 *
 * Source: Kingma & Ba 2015, arXiv:1412.6980; Loshchilov & Hutter 2019, arXiv:1711.05101.
 */

import type { Heap } from "../../heap.ts";
import { func, type Variant } from "../../wasm/assembler.ts";
import { add, div, f32, f32x4, i32, madd, mul, sqrt, sub } from "../../wasm/instructions.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, storeAll, UNROLL, vectors } from "../../wasm/rows.ts";
import type { AdamWKernels } from "./interface.ts";

const step = func([i32, i32, i32, i32, i32, f32, f32, f32, f32, f32, f32, f32], (n, p, g, m, v, ...scalars) => {
  const factors = vectors(scalars.length);
  const [rate, decay, weight1, weight2, perCorrection2, eps, gradScale] = factors;
  return [
    factors.map((factor, i) => factor.set(f32x4.splat(scalars[i]))),
    alongRow(n, UNROLL, [p, g, m, v], (lanes) => {
      const [grad, first, second, param] = Array.from({ length: 4 }, () => vectors(lanes.length));
      return [
        lanes.map((at, i) => [
          grad[i].set(mul(at.load(g), gradScale)),
          first[i].set(at.load(m)),
          first[i].set(madd(sub(grad[i], first[i]), weight1, first[i])),
          second[i].set(at.load(v)),
          second[i].set(madd(sub(mul(grad[i], grad[i]), second[i]), weight2, second[i])),
          param[i].set(at.load(p)),
          grad[i].set(div(mul(first[i], rate), add(sqrt(mul(second[i], perCorrection2)), eps))),
          param[i].set(sub(param[i], madd(param[i], decay, grad[i]))),
        ]),
        storeAll(lanes, m, first),
        storeAll(lanes, v, second),
        storeAll(lanes, p, param),
      ];
    }),
  ];
});

export function simdAdamW({ memory }: Heap, variant: Variant): AdamWKernels {
  const wasm = instantiate(memory, variant, { step });
  return {
    adamW: (n, p, g, m, v, { lr, decay, beta1, beta2, eps, correction1, correction2, gradScale }) =>
      wasm.step(n, p, g, m, v, lr / correction1, decay, 1 - beta1, 1 - beta2, 1 / correction2, eps, gradScale),
  };
}
