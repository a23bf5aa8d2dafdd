/**
 * What all optimizers share; an `UpdateRule` is what distinguishes them.
 *
 *     p ← p − s·(lr·mult·u + wd·wdMult·p)
 *
 * with s the schedule factor and u the direction that the rule computes from the gradient, which is first scaled down to the
 * largest global norm. As in big_vision, weight decay is not multiplied by the learning rate, and both follow the schedule.
 * PyTorch's `weight_decay` is wd/lr. Loshchilov & Hutter 2017, arXiv:1711.05101; big_vision `optax.py`.
 */
import type { Variable } from "../../autograd/index.ts";
import { scope, type Tensor } from "../../tensor/index.ts";
import { clipFactor, globalNorm } from "./clip.ts";
import { NonFiniteError, OptimizerError } from "./errors.ts";
import { checkOptions, type Kinds, type OptimizerOptions } from "./options.ts";
import { pathPattern } from "./pathPattern.ts";

/** The schedule factor of a step: of all parameters, or of each by its path. */
export type ScheduleFactor = number | ((path: string) => number);

/** The tensors that an optimizer keeps of a parameter, by name: `m`, `v`. */
export type OptimizerState = Readonly<Record<string, Tensor>>;

/** What a rule reads to update one parameter. */
export interface Update {
  readonly path: string;
  readonly parameter: Variable;
  readonly state: OptimizerState;
  readonly g: Tensor;
  /** Schedule factor · learning rate · multiplier. */
  readonly lr: number;
  /** Schedule factor · weight decay · multiplier: the fraction of the parameter that is subtracted. */
  readonly decay: number;
  /** Weight decay · multiplier, without the schedule factor. */
  readonly weightDecay: number;
  /** Factor of the gradient (clipping). */
  readonly gradScale: number;
}

/** The devices that take the same step together, each on its own copy of the parameters. A `Communicator` is one. */
export interface StepDevices {
  readonly rank: number;
  readonly size: number;
  /** The x of every device, in the order of ranks: [size, ...shape]. */
  allGather(x: Tensor): Tensor;
}

const oneDevice: StepDevices = { rank: 0, size: 1, allGather: (x) => x };

/** How an optimizer updates parameters. */
export interface UpdateRule {
  /** The state of a parameter before the first step. */
  init(parameter: Variable, path: string): OptimizerState;
  /**
   * Updates all parameters in their step number `count`, from 1 on. What it allocates is freed. Devices may share the work; the
   * result must have the same bits on each, and on any number of them.
   */
  update(updates: readonly Update[], count: number, devices: StepDevices): void;
}

/** What an optimizer is made of. */
export interface OptimizerDefinition {
  readonly name: string;
  /** Kinds of its own options. */
  readonly kinds: Kinds;
  readonly rule: UpdateRule;
  /** The learning rate of a parameter; `options.lr` by default. */
  readonly lrOf?: (path: string) => number;
}

/** One parameter with its state and rates. */
interface Slot {
  readonly path: string;
  readonly parameter: Variable;
  readonly state: OptimizerState;
  readonly lr: number;
  readonly decay: number;
}

/** An optimizer over parameters by path; `step` consumes their gradients. Frozen parameters are left out. */
export class Optimizer {
  /** In messages and checkpoints: `adamW`. */
  readonly name: string;
  /** Steps taken. */
  count = 0;
  readonly #rule: UpdateRule;
  readonly #slots: readonly Slot[];
  readonly #clipNorm: number;

  constructor(
    parameters: ReadonlyMap<string, Variable>,
    options: OptimizerOptions,
    { name, kinds, rule, lrOf = () => options.lr }: OptimizerDefinition,
  ) {
    checkOptions(name, options, kinds);
    if (typeof parameters?.[Symbol.iterator] !== "function") {
      throw new OptimizerError(`${name}: the parameters must be a map by path; parametersOf(model) makes one`);
    }
    const { weightDecay = 0, decayed = ".*/kernel", multipliers = [] } = options;
    this.name = name;
    this.#rule = rule;
    this.#clipNorm = options.clipNorm ?? Number.POSITIVE_INFINITY;
    const decaying = pathPattern(decayed);
    const multiplied = multipliers.map((multiplier) => ({ ...multiplier, pattern: pathPattern(multiplier.match) }));
    const trained = [...parameters].filter(([, { requiresGrad }]) => requiresGrad);
    this.#slots = trained.map(([path, parameter]) => {
      const factors = multiplied.find(({ pattern }) => pattern.test(path));
      return {
        path,
        parameter,
        state: rule.init(parameter, path),
        lr: lrOf(path) * (factors?.lr ?? 1),
        decay: (decaying.test(path) ? weightDecay : 0) * (factors?.decay ?? 1),
      };
    });
  }

  /**
   * Updates the parameters from their gradients and frees these. Returns the norm before clipping. Throws `NonFiniteError` if a
   * gradient is not finite and `OptimizerError` if one is missing; then nothing is updated, and the gradients are freed too.
   * If several devices take this step with the same gradients, give `devices`, so that they can share the work.
   */
  step(factor: ScheduleFactor, devices: StepDevices = oneDevice): number {
    try {
      const factors = this.#factors(factor);
      const gradients = this.#gradients();
      const norm = globalNorm(gradients);
      if (!Number.isFinite(norm)) {
        const bad = this.#slots.find((_, i) => !Number.isFinite(globalNorm([gradients[i]])));
        throw new NonFiniteError(`${this.name}: the gradient of ${bad?.path} is not finite; nothing was updated`);
      }
      const gradScale = clipFactor(norm, this.#clipNorm);
      this.count++;
      const updates = this.#slots.map(
        ({ path, parameter, state, lr, decay }, i): Update => ({
          ...{ path, parameter, state, gradScale },
          g: gradients[i],
          lr: factors[i] * lr,
          decay: factors[i] * decay,
          weightDecay: decay,
        }),
      );
      scope(() => this.#rule.update(updates, this.count, devices));
      return norm;
    } finally {
      for (const { parameter } of this.#slots) parameter.grad = undefined;
    }
  }

  #factors(factor: ScheduleFactor): number[] {
    return this.#slots.map(({ path }) => {
      const value = typeof factor === "function" ? factor(path) : factor;
      if (value >= 0 && value < Number.POSITIVE_INFINITY) return value;
      const where = typeof factor === "function" ? ` of ${path}` : "";
      throw new OptimizerError(
        `${this.name}: schedule factor ${value}${where} is not a finite number of at least 0; nothing was updated`,
      );
    });
  }

  #gradients(): Tensor[] {
    return this.#slots.map(({ path, parameter: { grad } }) => {
      if (grad) return grad;
      throw new OptimizerError(
        `${this.name}: ${path} has no gradient; if the loss does not depend on it, leave it out of the optimizer's parameters`,
      );
    });
  }

  /** Whether `step` updates this parameter. */
  updates(parameter: Variable): boolean {
    return this.#slots.some((slot) => slot.parameter === parameter);
  }

  /** The state of every parameter, by path and name: `text/embedding/m`; with `count`, the state in a checkpoint. */
  state(): Map<string, Tensor> {
    return new Map(
      this.#slots.flatMap(({ path, state }) =>
        Object.entries(state).map(([name, tensor]) => [`${path}/${name}`, tensor] as const),
      ),
    );
  }
}
