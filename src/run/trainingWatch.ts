/**
 * Signs that a training does not work, each reported once. They depend only on the metrics of the steps, so a report can
 * find them in `metrics.jsonl` as well; rows may be left out.
 *
 * None of them ends a run: a person would see them in the curves.
 */
import { type LossForm, logOddsBias } from "../siglip/index.ts";

/** Metrics of a step, before its update; t = exp t′. */
export interface WatchedStep {
  readonly step: number;
  readonly loss: number;
  readonly t?: number;
  readonly b?: number;
}

export interface WatchedRun {
  readonly steps: number;
  readonly batch: number;
  readonly loss: Pick<LossForm, "usesBias" | "blindLoss">;
}

const EXPLODED = 5; // times the loss of the start
const STILL = 100; // steps without change
const UNCHANGED = 1e-6; // relative to the loss: below this it is rounding
const FAR = 3; // of a bias: the probability of a pair is then wrong by a factor of 20
const LEAST_SEEN = 200; // steps before a run is compared with guessing

/** Watches the steps in order. */
export class TrainingWatch {
  readonly #run: WatchedRun;
  readonly #blind: number;
  readonly #said = new Set<string>();
  #start: WatchedStep | undefined;
  /** The step since which the loss has not changed. */
  #still = { step: 0, loss: Number.NaN };
  /** Moving average of the loss over about a twentieth of the run. */
  #average = { step: 0, loss: 0 };

  constructor(run: WatchedRun) {
    this.#run = run;
    this.#blind = run.loss.blindLoss(run.batch);
  }

  /** New warnings that this step causes. */
  see(row: WatchedStep): string[] {
    this.#start ??= row;
    if (!(Math.abs(row.loss - this.#still.loss) <= UNCHANGED * Math.abs(this.#still.loss))) this.#still = row;
    this.#follow(row);
    const signs = {
      exploded: this.#exploded(row),
      constant: this.#constant(row),
      temperature: this.#temperature(row, this.#start.t),
      bias: this.#bias(row, this.#start.b),
      guessing: this.#guessing(row),
    };
    return Object.entries(signs).flatMap(([name, sign]) => {
      if (sign === undefined || this.#said.has(name)) return [];
      this.#said.add(name);
      return [`step ${row.step}: ${sign}`];
    });
  }

  /** Updates the average. The first eighth of a run is left out: a high initial loss would stay in the average. */
  #follow({ step, loss }: WatchedStep): void {
    const { step: before, loss: average } = this.#average;
    const { steps } = this.#run;
    const share = step <= steps / 8 || before === 0 ? 1 : 1 - Math.exp((-20 * (step - before)) / steps);
    this.#average = { step, loss: share === 1 ? loss : average + share * (loss - average) };
  }

  #exploded({ loss }: WatchedStep): string | undefined {
    const start = Math.max(this.#start?.loss ?? 0, this.#blind);
    if (loss <= EXPLODED * start) return undefined;
    return `exploding loss: ${number(loss)}, from ${number(this.#start?.loss ?? 0)} at the start; the learning rate is probably too high (optim.lr, optim.multipliers)`;
  }

  #constant({ step, loss }: WatchedStep): string | undefined {
    const steps = step - this.#still.step;
    if (steps < STILL) return undefined;
    return `constant loss: ${number(loss)} for ${steps} steps, so nothing is learned any more`;
  }

  #temperature({ t }: WatchedStep, start: number | undefined): string | undefined {
    if (t === undefined || start === undefined) return undefined;
    if (t < Math.max(1e-6, Math.min(0.5, start / 10))) {
      return `vanishing temperature: t is ${number(t)}, from ${number(start)} at the start, so similarities hardly count; the learning rate is probably too high (optim.lr, optim.multipliers), or model.temperatureInit too low`;
    }
    if (t > Math.max(1000, 10 * start)) {
      return `growing temperature: t is ${number(t)}, from ${number(start)} at the start; the learning rate is probably too high (optim.lr, optim.multipliers)`;
    }
    return undefined;
  }

  #bias({ b }: WatchedStep, start: number | undefined): string | undefined {
    if (b === undefined || start === undefined) return undefined;
    if (!this.#run.loss.usesBias || Math.abs(b) <= Math.max(1000, 10 * Math.abs(start))) return undefined;
    return `growing bias: b is ${number(b)}, from ${number(start)} at the start; the learning rate is probably too high (optim.lr, optim.multipliers)`;
  }

  /** After a quarter of the run the loss should be below the best that is possible without looking at the pair. */
  #guessing({ step, b }: WatchedStep): string | undefined {
    const { steps, batch } = this.#run;
    if (batch < 2 || step < LEAST_SEEN || step < steps / 4) return undefined;
    const { loss } = this.#average;
    if (loss < 0.99 * this.#blind) return undefined;
    return `no better than guessing: the mean loss is ${number(loss)}, and the same answer for all gives ${number(this.#blind)}; ${this.#cause(loss, b)}`;
  }

  /** A bias far from the log-odds of a match, alone, makes the loss a multiple of that of guessing. */
  #cause(loss: number, b: number | undefined): string {
    const best = logOddsBias(this.#run.batch);
    if (b !== undefined && this.#run.loss.usesBias && loss > 2 * this.#blind && Math.abs(b - best) > FAR) {
      return `b is ${number(b)}, far from ${number(best)}, the log-odds of a match: it began too far away (model.biasInit=log-odds) or moves too slowly (optim.multipliers)`;
    }
    return "the learning rate is probably too high or too low (optim.lr)";
  }
}

const number = (x: number): string => String(Number(x.toPrecision(4)));
