/** Turns what the page requests into orders, one at a time. */
import type { Request } from "./messages.ts";
import type { Order } from "./order.ts";

const EVALUATE_EVERY = 50; // steps

/** What orders depend on. */
export interface Progress {
  readonly step: number;
  readonly finished: boolean;
}

/** The requests of the page, and what follows from them. */
export class Orders {
  #running = false;
  #steps = 0; // requested one by one
  #rateOfT = 1;
  #b: number | undefined;
  #words = "";
  #searchIsDue = false;
  #evaluated = -1; // the last step that was evaluated
  #changed = false; // since the last order
  #wake: () => void = () => {};

  request(request: Request): void {
    if (request.kind === "run") this.#running = true;
    else if (request.kind === "pause") this.#running = false;
    else if (request.kind === "step") this.#steps++;
    else if (request.kind === "rateOfT") this.#rateOfT = request.value;
    else if (request.kind === "b") this.#b = request.value;
    else {
      this.#words = request.words;
      this.#searchIsDue = request.words !== "";
    }
    this.#changed = true;
    this.#wake();
  }

  /** Resolves when there has been a request since the last call of `next`. */
  change(): Promise<void> {
    if (this.#changed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** The next order; none while the training is paused or finished and nothing else is requested. */
  next({ step, finished }: Progress): Order | undefined {
    this.#changed = false;
    const rateOfT = this.#rateOfT;
    const wantsStep = (this.#running || this.#steps > 0) && !finished;
    if (this.#evaluated !== step && (step % EVALUATE_EVERY === 0 || !wantsStep)) {
      this.#evaluated = step;
      this.#searchIsDue = this.#words !== "";
      return { kind: "evaluate", rateOfT };
    }
    if (this.#searchIsDue) {
      this.#searchIsDue = false;
      return { kind: "search", rateOfT, words: this.#words };
    }
    if (!wantsStep) return undefined;
    if (!this.#running) this.#steps--;
    const b = this.#b;
    this.#b = undefined;
    return { kind: "step", rateOfT, ...(b === undefined ? {} : { b }) };
  }
}
