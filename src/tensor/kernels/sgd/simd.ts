/**
 * One step of gradient descent with momentum μ in one pass over parameter, gradient and momentum.
 *
 *     g ← gradScale·g      m ← μ·m + g      u = m, or g + μ·m (Nesterov)      p ← p − (lr·u + decay·p)
 */
import type { Heap } from "../../heap.ts";
import { func, type Variant } from "../../wasm/assembler.ts";
import { f32, f32x4, i32, madd, mul, sub } from "../../wasm/instructions.ts";
import { instantiate } from "../../wasm/module.ts";
import { alongRow, storeAll, UNROLL, vectors } from "../../wasm/rows.ts";
import type { SgdKernels } from "./interface.ts";

const step = (nesterov: boolean) =>
  func([i32, i32, i32, i32, f32, f32, f32, f32], (n, p, g, m, ...scalars) => {
    const factors = vectors(scalars.length);
    const [lr, decay, mu, gradScale] = factors;
    return [
      factors.map((factor, i) => factor.set(f32x4.splat(scalars[i]))),
      alongRow(n, UNROLL, [p, g, m], (lanes) => {
        const [grad, momentum, param] = Array.from({ length: 3 }, () => vectors(lanes.length));
        return [
          lanes.map((at, i) => [
            grad[i].set(mul(at.load(g), gradScale)),
            momentum[i].set(madd(at.load(m), mu, grad[i])),
            param[i].set(at.load(p)),
            nesterov ? grad[i].set(madd(momentum[i], mu, grad[i])) : grad[i].set(momentum[i]),
            param[i].set(sub(param[i], madd(param[i], decay, mul(grad[i], lr)))),
          ]),
          storeAll(lanes, m, momentum),
          storeAll(lanes, p, param),
        ];
      }),
    ];
  });

const functions = { heavyBall: step(false), nesterov: step(true) };

export function simdSgd({ memory }: Heap, variant: Variant): SgdKernels {
  const wasm = instantiate(memory, variant, functions);
  return {
    sgd: (n, p, g, m, { lr, decay, momentum, nesterov, gradScale }) =>
      (nesterov ? wasm.nesterov : wasm.heavyBall)(n, p, g, m, lr, decay, momentum, gradScale),
  };
}
