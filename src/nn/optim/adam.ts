/**
 * Adam, whose weight decay is a part of the gradient: that of the penalty ½·wd·‖p‖².
 *
 *     g ← g + wd·wdMult·p
 *     m ← β1·m + (1 − β1)·g        v ← β2·v + (1 − β2)·g²        p ← p − s·lr·mult·m̂/(√v̂ + ε)
 *
 * So decay is divided by √v̂ like the rest of the gradient; AdamW keeps it apart. Without decay the two are the same.
 * Kingma & Ba 2014, arXiv:1412.6980; PyTorch's `Adam`.
 */
import type { Variable } from "../../autograd/index.ts";
import { add, mul } from "../../tensor/index.ts";
import { ADAM_KINDS, type AdamWOptions, adamWRule } from "./adamW.ts";
import { Optimizer, type UpdateRule } from "./optimizer.ts";

function adamRule(options: AdamWOptions): UpdateRule {
  const { init, update } = adamWRule(options);
  return {
    init,
    update(updates, count, devices) {
      const penalized = updates.map((each) => {
        const { parameter, g, weightDecay, gradScale } = each;
        if (weightDecay === 0) return each;
        return { ...each, g: add(mul(g, gradScale), mul(parameter.value, weightDecay)), gradScale: 1, decay: 0 };
      });
      update(penalized, count, devices);
    },
  };
}

/** Adam over parameters by path; `step` consumes their gradients. */
export function adam(parameters: ReadonlyMap<string, Variable>, options: AdamWOptions): Optimizer {
  return new Optimizer(parameters, options, { name: "adam", kinds: ADAM_KINDS, rule: adamRule(options) });
}
