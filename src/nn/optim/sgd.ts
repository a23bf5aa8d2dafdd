/**
 * Stochastic gradient descent with momentum μ.
 *
 *     m ← μ·m + g        u = m, or g + μ·m with Nesterov's momentum        p ← p − s·(lr·mult·u + wd·wdMult·p)
 *
 * with s the schedule factor. Sutskever et al. 2013, "On the importance of initialization and momentum in deep learning", in
 * PyTorch's form, where the gradient enters m whole and not times 1 − μ.
 */
import type { Variable } from "../../autograd/index.ts";
import { kernelsFor, zeros } from "../../tensor/index.ts";
import { Optimizer, type UpdateRule } from "./optimizer.ts";
import { FLAG, FRACTION, type OptimizerOptions } from "./options.ts";

/** Settings of `sgd`. */
export interface SgdOptions extends OptimizerOptions {
  /** 0.9 by default. */
  readonly momentum?: number;
  /** Nesterov's momentum; false by default. */
  readonly nesterov?: boolean;
}

function sgdRule({ momentum = 0.9, nesterov = false }: SgdOptions): UpdateRule {
  return {
    init: ({ value: { shape, dtype } }) => ({ m: zeros(shape, dtype) }),
    update(updates) {
      for (const { parameter, state, g, lr, decay, gradScale } of updates) {
        const { value } = parameter;
        const args = { lr, decay, gradScale, momentum, nesterov };
        kernelsFor(value.dtype).sgd(value.size, value.address, g.address, state.m.address, args);
      }
    },
  };
}

/** Gradient descent over parameters by path; `step` consumes their gradients. */
export function sgd(parameters: ReadonlyMap<string, Variable>, options: SgdOptions): Optimizer {
  return new Optimizer(parameters, options, {
    name: "sgd",
    kinds: { momentum: FRACTION, nesterov: FLAG },
    rule: sgdRule(options),
  });
}
