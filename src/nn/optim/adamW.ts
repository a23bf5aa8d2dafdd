/**
 * AdamW as big_vision applies it: weight decay is not multiplied by the learning rate, and both follow the schedule.
 *
 *     m ← β1·m + (1 − β1)·g        v ← β2·v + (1 − β2)·g²
 *     p ← p − s·(lr·mult·m̂/(√v̂ + ε) + wd·wdMult·p)
 *
 * with s the schedule factor and m̂, v̂ the moments corrected for their start at 0. PyTorch's `weight_decay` is wd/lr.
 * Kingma & Ba 2014, arXiv:1412.6980; Loshchilov & Hutter 2017, arXiv:1711.05101; big_vision `optax.py`.
 */
import type { Variable } from "../../autograd/index.ts";
import { kernelsFor, portable, type Tensor, zeros } from "../../tensor/index.ts";
import { clipFactor, globalNorm } from "./clip.ts";

/** Multipliers of learning rate and weight decay for parameters whose whole path matches; the first match wins. */
export interface Multiplier {
  readonly match: string;
  readonly lr?: number;
  readonly decay?: number;
}

/** Settings of `AdamW`. */
export interface AdamWOptions {
  readonly lr: number;
  readonly beta1?: number;
  readonly beta2?: number;
  readonly eps?: number;
  /** Per step, independent of lr. */
  readonly weightDecay?: number;
  /** Pattern of the paths that decay. Default: kernels only, as in big_vision; biases, norms, embeddings, probe, t′ and b do not. */
  readonly decayed?: string;
  /** Largest global norm of the gradients; longer ones are scaled down to it. */
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

/** A parameter has no gradient, or an option or the schedule factor is invalid. */
export class OptimizerError extends Error {
  override readonly name = "OptimizerError";
}

/** A loss or a gradient is not finite; nothing was updated. */
export class NonFiniteError extends Error {
  override readonly name = "NonFiniteError";
}

/** Compiles a pattern to a regular expression (flag `u`) that matches whole paths. Throws `OptimizerError` if it is invalid. */
export function pathPattern(pattern: string): RegExp {
  try {
    new RegExp(pattern, "u"); // alone first: the parentheses below must not make it valid
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch (error) {
    throw new OptimizerError(
      `adamW: ${JSON.stringify(pattern)} is not a valid path pattern: ${(error as Error).message}`,
    );
  }
}

/** AdamW over parameters by path; `step` consumes their gradients. */
export class AdamW {
  /** Steps taken. */
  count = 0;
  readonly #slots: readonly Slot[];
  readonly #beta1: number;
  readonly #beta2: number;
  readonly #eps: number;
  readonly #clipNorm: number;

  constructor(parameters: ReadonlyMap<string, Variable>, options: AdamWOptions) {
    checkOptions(options);
    const { lr, weightDecay = 0, decayed = ".*/kernel", multipliers = [] } = options;
    this.#beta1 = options.beta1 ?? 0.9;
    this.#beta2 = options.beta2 ?? 0.95;
    this.#eps = options.eps ?? 1e-8;
    this.#clipNorm = options.clipNorm ?? Number.POSITIVE_INFINITY;
    const decaying = pathPattern(decayed);
    const multiplied = multipliers.map((multiplier) => ({ ...multiplier, pattern: pathPattern(multiplier.match) }));
    this.#slots = [...parameters].map(([path, parameter]) => {
      const factors = multiplied.find(({ pattern }) => pattern.test(path));
      const decays = decaying.test(path) ? weightDecay : 0;
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
   * Updates the parameters from their gradients and frees these. Returns the norm before clipping. Throws `NonFiniteError` if a
   * gradient is not finite and `OptimizerError` if one is missing; then nothing is updated, and the gradients are freed too.
   */
  step(factor: number): number {
    if (!(factor >= 0 && factor < Number.POSITIVE_INFINITY)) {
      this.#clearGradients();
      throw new OptimizerError(
        `adamW: schedule factor ${factor} is not a finite number of at least 0; nothing was updated`,
      );
    }
    const without = this.#slots.find(({ parameter }) => !parameter.grad);
    if (without) {
      this.#clearGradients();
      throw new OptimizerError(
        `adamW: ${without.path} has no gradient; if the loss does not depend on it, leave it out of the optimizer's parameters`,
      );
    }
    const gradients = this.#slots.map(({ parameter }) => parameter.grad as Tensor);
    const norm = globalNorm(gradients);
    if (!Number.isFinite(norm)) {
      const bad = this.#slots.find((_, i) => !Number.isFinite(globalNorm([gradients[i]])));
      this.#clearGradients();
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

  #clearGradients(): void {
    for (const { parameter } of this.#slots) parameter.grad = undefined;
  }

  /** Whether `step` updates this parameter. */
  updates(parameter: Variable): boolean {
    return this.#slots.some((slot) => slot.parameter === parameter);
  }

  /** Both moments of every parameter, by path; with `count`, the state in a checkpoint. */
  state(): Map<string, Tensor> {
    return new Map(this.#slots.flatMap(({ path, m, v }) => [[`${path}/m`, m] as const, [`${path}/v`, v] as const]));
  }
}

const NUMBERS = {
  lr: "a finite number of at least 0",
  beta1: "a number from 0 to below 1",
  beta2: "a number from 0 to below 1",
  eps: "0 or a finite number that f32 does not round to 0", // with eps 0, a gradient that was always 0 gives 0/0
  weightDecay: "a finite number of at least 0",
  clipNorm: "a number above 0",
} as const;

/** Throws `OptimizerError` for options that would damage parameters or do not exist; JavaScript callers have no type checks. */
function checkOptions(options: AdamWOptions): void {
  const { lr, beta1 = 0, beta2 = 0, eps = 1, weightDecay = 0, clipNorm = 1, multipliers = [] } = options;
  const isFactor = (x: unknown): boolean => typeof x === "number" && x >= 0 && x < Number.POSITIVE_INFINITY;
  const fits: Record<keyof typeof NUMBERS, boolean> = {
    lr: isFactor(lr),
    beta1: isFactor(beta1) && beta1 < 1,
    beta2: isFactor(beta2) && beta2 < 1,
    eps: isFactor(eps) && (eps === 0 || Math.fround(eps) > 0),
    weightDecay: isFactor(weightDecay),
    clipNorm: typeof clipNorm === "number" && clipNorm > 0,
  };
  for (const [name, expected] of Object.entries(NUMBERS) as [keyof typeof NUMBERS, string][]) {
    if (!fits[name]) throw new OptimizerError(`adamW: ${name} ${options[name]} is not ${expected}`);
  }
  const known = [...Object.keys(NUMBERS), "decayed", "multipliers"];
  const unknown = Object.keys(options).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new OptimizerError(`adamW: unknown option ${unknown}; the options are ${known.join(", ")}`);
  }
  for (const { match, lr = 1, decay = 1 } of multipliers) {
    if (isFactor(lr) && isFactor(decay)) continue;
    throw new OptimizerError(`adamW: lr ${lr} or decay ${decay} of the multiplier for ${match} is not ${NUMBERS.lr}`);
  }
}
