/**
 * One step of Lion in one pass over parameter, gradient and momentum.
 *
 *     g ← gradScale·g      p ← p − (lr·sign(β₁·m + (1 − β₁)·g) + decay·p)      m ← m + (1 − β₂)(g − m),      sign(0) = 0
 *
 * Chen et al. 2023, arXiv:2302.06675.
 */
import type { Heap } from "../../heap.ts";
import { func, type Variant } from "../../wasm/assembler.ts";
import { f32, f32x4, i32, madd, mul, sub } from "../../wasm/instructions.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, storeAll, UNROLL, vectors } from "../../wasm/rows.ts";
import { sign } from "../scalar/simd.ts";
import type { LionKernels } from "./interface.ts";

const step = func([i32, i32, i32, i32, f32, f32, f32, f32, f32, f32], (n, p, g, m, ...scalars) => {
  const factors = vectors(scalars.length);
  const [lr, decay, beta1, weight1, weight2, gradScale] = factors;
  return [
    factors.map((factor, i) => factor.set(f32x4.splat(scalars[i]))),
    alongRow(n, UNROLL, [p, g, m], (lanes) => {
      const [grad, momentum, mixed, param] = Array.from({ length: 4 }, () => vectors(lanes.length));
      return [
        lanes.map((at, i) => [
          grad[i].set(mul(at.load(g), gradScale)),
          momentum[i].set(at.load(m)),
          mixed[i].set(madd(grad[i], weight1, mul(momentum[i], beta1))),
          param[i].set(at.load(p)),
          param[i].set(sub(param[i], madd(param[i], decay, mul(sign(mixed[i]), lr)))),
          momentum[i].set(madd(sub(grad[i], momentum[i]), weight2, momentum[i])),
        ]),
        storeAll(lanes, m, momentum),
        storeAll(lanes, p, param),
      ];
    }),
  ];
});

export function simdLion({ memory }: Heap, variant: Variant): LionKernels {
  const wasm = instantiate(memory, variant, { step });
  return {
    lion: (n, p, g, m, { lr, decay, beta1, beta2, gradScale }) =>
      wasm.step(n, p, g, m, lr, decay, beta1, 1 - beta1, 1 - beta2, gradScale),
  };
}
