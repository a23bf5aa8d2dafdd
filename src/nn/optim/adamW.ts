/**
 * AdamW as big_vision applies it: weight decay is not multiplied by the learning rate, and both follow the schedule.
 *
 *     m ← β1·m + (1 − β1)·g        v ← β2·v + (1 − β2)·g²
 *     p ← p − s·(lr·mult·m̂/(√v̂ + ε) + wd·wdMult·p)
 *
 * with s the schedule's factor and m̂, v̂ corrected for their start at 0. PyTorch's `weight_decay` is wd/lr.
 * Kingma & Ba 2014, arXiv:1412.6980; Loshchilov & Hutter 2017, arXiv:1711.05101; big_vision `optax.py`.
 */
import type { Variable } from "../../autograd/index.ts";
import { kernelsFor, portable, type Tensor, zeros } from "../../tensor/index.ts";
import { clipFactor, globalNorm } from "./clip.ts";

/** Factors for the parameters whose whole path matches; the first match wins. */
export interface Multiplier {
  readonly match: string;
  readonly lr?: number;
  readonly decay?: number;
}

export interface AdamWOptions {
  readonly lr: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
  /** Per step, independent of lr. */
  readonly weightDecay?: number;
  /** Paths that decay: kernels only, as in big_vision; biases, norms, embeddings, probe, t′ and b do not. */
  readonly decayed?: string;
  /** Gradients longer than this, taken all together, are shortened to it. */
  readonly clipNorm?: number;
  readonly multipliers?: readonly Multiplier[];
}

interface Slot {
  readonly path: string;
  readonly parameter: Variable;
  readonly m: Tensor;
  readonly v: Tensor;
  readonly lr: number;
  readonly decay: number;
}

/** A parameter has no gradient. */
export class OptimizerError extends Error {
  override readonly name = "OptimizerError";
}

/** A loss or a gradient is not a number: nothing was updated. */
export class NonFiniteError extends Error {
  override readonly name = "NonFiniteError";
}

export class AdamW {
  /** Steps taken. */
  count = 0;
  readonly #slots: readonly Slot[];
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #eps: number;
  readonly #clipNorm: number;

  constructor(parameters: ReadonlyMap<string, Variable>, options: AdamWOptions) {
    const { lr, weightDecay = 0, decayed = ".*/kernel", multipliers = [] } = options;
    this.#beta1 = options.beta1 ?? 0.9;
    this.#beta2 = options.beta2 ?? 0.95;
    this.#eps = options.eps ?? 1e-8;
    this.#clipNorm = options.clipNorm ?? Number.POSITIVE_INFINITY;
    const whole = (pattern: string) => new RegExp(`^(?:${pattern})$`);
    this.#slots = [...parameters].map(([path, parameter]) => {
      const factors = multipliers.find(({ match }) => whole(match).test(path));
      const decays = whole(decayed).test(path) ? weightDecay : 0;
      const { shape, dtype } = parameter.value;
      return {
        path,
        parameter,
        m: zeros(shape, dtype),
        v: zeros(shape, dtype),
        lr: lr * (factors?.lr ?? 1),
        decay: decays * (factors?.decay ?? 1),
      };
    });
  }

  /**
   * One update from the gradients in the parameters, which are then given back. Returns the norm before clipping. Throws
   * `NonFiniteError`, and updates nothing, if a gradient is not finite.
   */
  step(factor: number): number {
    const gradients = this.#slots.map(({ path, parameter }) => {
      if (!parameter.grad) throw new OptimizerError(`adamW: ${path} has no gradient; does the loss depend on it?`);
      return parameter.grad;
    });
    const norm = globalNorm(gradients);
    if (!Number.isFinite(norm)) {
      const bad = this.#slots.find((_, i) => !Number.isFinite(globalNorm([gradients[i]])));
      for (const { parameter } of this.#slots) parameter.grad = undefined;
      throw new NonFiniteError(`adamW: the gradient of ${bad?.path} is not finite; nothing was updated`);
    }
    const gradScale = clipFactor(norm, this.#clipNorm);
    this.count++;
    const correction1 = 1 - portable.exp(this.count * portable.log(this.#beta1));
    const correction2 = 1 - portable.exp(this.count * portable.log(this.#beta2));
    for (const { parameter, m, v, lr, decay } of this.#slots) {
      const { value } = parameter;
      const g = parameter.grad as Tensor;
      kernelsFor(value.dtype).adamW(value.size, value.address, g.address, m.address, v.address, {
        lr: factor * lr,
        decay: factor * decay,
        beta1: this.#beta1,
        beta2: this.#beta2,
        eps: this.#eps,
        correction1,
        correction2,
        gradScale,
      });
      parameter.grad = undefined;
    }
    return norm;
  }

  /** Is this parameter one of those that `step` updates? */
  updates(parameter: Variable): boolean {
    return this.#slots.some((slot) => slot.parameter === parameter);
  }

  /** Both moments of every parameter, by path: what a checkpoint saves beside `count`. */
  state(): Map<string, Tensor> {
    return new Map(this.#slots.flatMap(({ path, m, v }) => [[`${path}/m`, m] as const, [`${path}/v`, v] as const]));
  }
}
