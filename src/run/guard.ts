/**
 * Guards a training against silent corruption. All devices hold the same parameters and moments. They compare both before
 * every checkpoint, and the parameters at a regular interval: a flipped bit ends the run and reaches no checkpoint.
 */
import { NonFiniteError, type Optimizer } from "../nn/index.ts";
import { type Communicator, requireSameBits } from "../parallel/index.ts";
import type { Step } from "../siglip/index.ts";
import type { TrainedModel } from "./model.ts";
import { firstNonFinite, tensorsOf } from "./trainingState.ts";

/** Compares the devices of a training. */
export class Guard {
  readonly #comm: Communicator;
  readonly #model: TrainedModel;
  readonly #optimizer: Optimizer;
  /** Steps between two comparisons of parameters. */
  readonly #every: number;

  constructor(comm: Communicator, model: TrainedModel, optimizer: Optimizer, every: number) {
    this.#comm = comm;
    this.#model = model;
    this.#optimizer = optimizer;
    this.#every = every;
  }

  /** Compares the devices after a step; `saves`: before a checkpoint. Throws `CorruptionError` if they differ. */
  compare(step: number, saves: boolean): void {
    if (saves) this.#compareAll(`after step ${step}`);
    else if (step % this.#every === 0) requireSameBits(this.#comm, tensorsOf(this.#model), `after step ${step}`);
  }

  /**
   * Passes the steps through. On a loss that is not finite, first looks for causes other than the learning rate: compares the
   * devices, searches parameters and moments for NaN, and throws what it finds instead.
   */
  *watching(steps: Iterable<Step>, first: number): Generator<Step> {
    let step = first;
    try {
      for (const seen of steps) {
        step = seen.step;
        yield seen;
      }
    } catch (error) {
      if (error instanceof NonFiniteError) this.#findCause(`in step ${step + 1}`);
      throw error;
    }
  }

  #findCause(when: string): void {
    this.#compareAll(when);
    const bad = firstNonFinite(tensorsOf(this.#model, this.#optimizer));
    if (bad === undefined) return;
    throw new NonFiniteError(`train: ${bad} holds NaN or infinity ${when}, from earlier updates`);
  }

  #compareAll(when: string): void {
    requireSameBits(this.#comm, tensorsOf(this.#model, this.#optimizer), when);
  }
}
