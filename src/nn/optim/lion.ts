/**
 * Lion: the sign of a momentum, so that every number moves by the same amount.
 *
 *     p ← p − s·(lr·mult·sign(β1·m + (1 − β1)·g) + wd·wdMult·p)        m ← β2·m + (1 − β2)·g
 *
 * with s the schedule factor. Its learning rate is three to ten times smaller than AdamW's, and its decay per step that of AdamW
 * (so wd/lr is larger). Chen et al. 2023, arXiv:2302.06675; the SigLIP paper trains with it on four chips (lr 1e-4, wd 1e-7).
 */
import type { Variable } from "../../autograd/index.ts";
import { kernelsFor, zeros } from "../../tensor/index.ts";
import { Optimizer, type UpdateRule } from "./optimizer.ts";
import { FRACTION, type OptimizerOptions } from "./options.ts";

/** Settings of `Lion`. */
export interface LionOptions extends OptimizerOptions {
  /** Share of m in the direction; 0.9 by default. */
  readonly beta1?: number;
  /** Share of m that is kept; 0.99 by default. */
  readonly beta2?: number;
}

function lionRule({ beta1 = 0.9, beta2 = 0.99 }: LionOptions): UpdateRule {
  return {
    init: ({ value: { shape, dtype } }) => ({ m: zeros(shape, dtype) }),
    update(updates) {
      for (const { parameter, state, g, lr, decay, gradScale } of updates) {
        const { value } = parameter;
        const args = { lr, decay, gradScale, beta1, beta2 };
        kernelsFor(value.dtype).lion(value.size, value.address, g.address, state.m.address, args);
      }
    },
  };
}

/** Lion over parameters by path; `step` consumes their gradients. */
export function lion(parameters: ReadonlyMap<string, Variable>, options: LionOptions): Optimizer {
  return new Optimizer(parameters, options, {
    name: "lion",
    kinds: { beta1: FRACTION, beta2: FRACTION },
    rule: lionRule(options),
  });
}
