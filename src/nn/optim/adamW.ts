/**
 * AdamW: Adam with weight decay apart from the gradient.
 *
 *     m ← β1·m + (1 − β1)·g        v ← β2·v + (1 − β2)·g²
 *     p ← p − s·(lr·mult·m̂/(√v̂ + ε) + wd·wdMult·p)
 *
 * with s the schedule factor and m̂, v̂ the moments corrected for their start at 0.
 * Kingma & Ba 2014, arXiv:1412.6980; Loshchilov & Hutter 2017, arXiv:1711.05101.
 */
import type { Variable } from "../../autograd/index.ts";
import { kernelsFor, portable, zeros } from "../../tensor/index.ts";
import { Optimizer, type UpdateRule } from "./optimizer.ts";
import { EPSILON, FRACTION, type OptimizerOptions } from "./options.ts";

/** Settings of `AdamW` and `Adam`. */
export interface AdamWOptions extends OptimizerOptions {
  /** 0.9 by default. */
  readonly beta1?: number;
  /** 0.95 by default. */
  readonly beta2?: number;
  /** 1e-8 by default. */
  readonly eps?: number;
}

export const ADAM_KINDS = { beta1: FRACTION, beta2: FRACTION, eps: EPSILON };

export function adamWRule({ beta1 = 0.9, beta2 = 0.95, eps = 1e-8 }: AdamWOptions): UpdateRule {
  return {
    init: ({ value: { shape, dtype } }) => ({ m: zeros(shape, dtype), v: zeros(shape, dtype) }),
    update(updates, count) {
      const correction1 = 1 - portable.exp(count * portable.log(beta1));
      const correction2 = 1 - portable.exp(count * portable.log(beta2));
      const moments = { beta1, beta2, eps, correction1, correction2 };
      for (const { parameter, state, g, lr, decay, gradScale } of updates) {
        const { value } = parameter;
        const args = { ...moments, lr, decay, gradScale };
        kernelsFor(value.dtype).adamW(value.size, value.address, g.address, state.m.address, state.v.address, args);
      }
    },
  };
}

/** AdamW over parameters by path; `step` consumes their gradients. */
export class AdamW extends Optimizer {
  constructor(parameters: ReadonlyMap<string, Variable>, options: AdamWOptions) {
    super(parameters, options, { name: "adamW", kinds: ADAM_KINDS, rule: adamWRule(options) });
  }
}
