/**
 * Guards a training against memory that changes by itself. All devices hold the same parameters and moments: they compare all of
 * them before every checkpoint, and the parameters every so many steps in between.
 */
import { type AdamW, NonFiniteError } from "../nn/index.ts";
import { type Communicator, requireSameBits } from "../parallel/index.ts";
import type { SigLip, Step } from "../siglip/index.ts";
import { firstNonFinite, tensorsOf } from "./trainingState.ts";

export class Guard {
  readonly #comm: Communicator;
  readonly #model: SigLip;
  readonly #optimizer: AdamW;
  /** Steps between two comparisons of parameters. */
  readonly #every: number;

  constructor(comm: Communicator, model: SigLip, optimizer: AdamW, every: number) {
    this.#comm = comm;
    this.#model = model;
    this.#optimizer = optimizer;
    this.#every = every;
  }

  /** Compares the devices after a step: everything before a checkpoint. Throws `CorruptionError` where they differ. */
  compare(step: number, saves: boolean): void {
    if (saves) this.#compareAll(`after step ${step}`);
    else if (step % this.#every === 0) requireSameBits(this.#comm, tensorsOf(this.#model), `after step ${step}`);
  }

  /**
   * The same steps. A loss that is not finite may have a cause other than the learning rate: then the devices are compared, and
   * parameters and moments searched for NaN, and what is found is thrown instead.
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
    throw new NonFiniteError(`train: ${bad} holds NaN or infinity ${when}, from the updates before it`);
  }

  #compareAll(when: string): void {
    requireSameBits(this.#comm, tensorsOf(this.#model, this.#optimizer), when);
  }
}
