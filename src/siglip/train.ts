/**
 * Training: for every step a batch, its loss, the gradients, an update. It needs no file system and runs in a browser. `siglip train`
 * runs it on each device, in `run/trainDevice.ts`.
 *
 * `train` yields its steps. Whatever else a run does (checkpoints, evaluation, progress, signals, comparing devices) is up to
 * the caller:
 *
 *     for (const { step, loss } of train({ model, optimizer, loss: lossForms.fused, batchOf, steps: 1000 })) {
 *       if (step % 100 === 0) console.log(step, loss);
 *     }
 */
import { NonFiniteError, type Optimizer, OptimizerError, parametersOf, type ScheduleFactor } from "../nn/index.ts";
import { alone } from "../parallel/index.ts";
import { flops, portable, scope, tensor } from "../tensor/index.ts";
import { batchGradients, type Devices } from "./batchGradients.ts";
import type { PairBatch } from "./batchShards.ts";
import { type EmbeddedRows, type Health, measureUpdate, type PairHealth, pairHealth } from "./health.ts";
import { type LossForm, trainingLosses } from "./lossForm.ts";
import type { SigLip } from "./model.ts";

/** A model, its optimizer and its loss. */
export interface Trainee {
  readonly model: SigLip;
  readonly optimizer: Optimizer;
  readonly loss: LossForm;
}

/** The settings of `train`: a trainee, its batches and its schedule. */
export interface Training extends Trainee, Devices {
  /** This device's rows of the batch of a step, counted from 0. */
  batchOf(index: number): PairBatch;
  /** The schedule factor of a step, counted from 0; 1 by default. */
  factorOf?(index: number): ScheduleFactor;
  /** Whether to measure the health in a step, counted from 0; by default never. */
  measures?(index: number): boolean;
  /** Steps done before; 0 by default. */
  readonly first?: number;
  /** Steps in all, including those done before. */
  readonly steps: number;
}

/** How a step is taken. */
export interface StepOptions extends Devices {
  /** Whether to measure the health, which takes time and changes no bit; false by default. */
  readonly measure?: boolean;
}

/** The metrics of a step from before its update, unless it says otherwise; the same on every rank. */
export interface StepMetrics {
  readonly loss: number;
  /** exp t′. */
  readonly t: number;
  readonly b: number;
  /** Norm of all gradients together, before clipping. */
  readonly gradNorm: number;
  /**
   * Floating-point operations of the step's matrix products on all devices: forward and backward pass, loss, update. An operation
   * that is executed twice, as in recomputed activations, counts twice.
   */
  readonly flops: number;
  /** If it was measured. */
  readonly health?: Health;
}

/** A completed step: its number, from 1 on, and its metrics. */
export interface Step extends StepMetrics {
  readonly step: number;
}

/** Trains, and yields after every update. A caller that leaves the loop early ends the training after a complete step. */
export function* train({
  batchOf,
  factorOf = () => 1,
  measures = () => false,
  first = 0,
  steps,
  ...rest
}: Training): Generator<Step> {
  for (let index = first; index < steps; index++) {
    const metrics = trainStep(rest, batchOf(index), factorOf(index), { ...rest, measure: measures(index) });
    yield { step: index + 1, ...metrics };
  }
}

/**
 * Takes one step: the loss of the whole batch, its gradients, an update. Frees everything that it allocates.
 *
 * `batch` holds this device's rows; `factor` is the schedule factor. Throws `NonFiniteError` before the update if the loss or a
 * gradient is not finite, and after it if exp t′ is 0 or infinite. After an error the model holds no gradients and can take the
 * next step.
 */
export function trainStep(
  { model, optimizer, loss }: Trainee,
  batch: PairBatch,
  factor: ScheduleFactor,
  { measure = false, ...devices }: StepOptions = {},
): StepMetrics {
  if (typeof loss?.gradients !== "function") {
    const names = Object.keys(trainingLosses).map((name) => `trainingLosses.${name}`);
    throw new TypeError(`train: loss ${JSON.stringify(loss)} is not a form of the loss; use ${names.join(" or ")}`);
  }
  if (!loss.usesBias && optimizer.updates(model.b)) {
    throw new OptimizerError(
      `train: the ${loss.name} loss has no bias, but the optimizer updates b; create the optimizer without it: delete "b" from parametersOf(model)`,
    );
  }
  const t = temperatureOf(model, "before");
  const b = model.b.value.item();
  const { comm = alone } = devices;
  try {
    return scope(() => {
      let pairs: PairHealth | undefined;
      let measuring = 0; // floating-point operations
      const measurePairs = (embedded: EmbeddedRows): void => {
        const before = flops();
        pairs = pairHealth(embedded, t, loss.usesBias ? b : 0, comm);
        measuring = flops() - before;
      };
      // Sets the gradient of every parameter.
      const start = flops();
      const value = batchGradients(model, loss, batch, devices, measure ? measurePairs : undefined);
      if (!Number.isFinite(value)) {
        throw new NonFiniteError(`train: the loss is ${value} at t = ${t}, b = ${b}; nothing was updated`);
      }
      const ofGradients = flops() - start - measuring;
      const measured = measure ? measureUpdate(model, optimizer) : undefined;
      const between = flops();
      const gradNorm = optimizer.step(factor, comm);
      const own = ofGradients + flops() - between;
      temperatureOf(model, "after");
      const seen = { loss: value, t, b, gradNorm, flops: comm.allReduce(tensor([own], [], "f64")).item() };
      return pairs && measured ? { ...seen, health: { ...pairs, ...measured() } } : seen;
    });
  } finally {
    // The scope has freed all gradients, also those of parameters that the optimizer does not update.
    for (const parameter of parametersOf(model).values()) parameter.grad = undefined;
  }
}

/**
 * exp t′. Throws `NonFiniteError` if it is 0 or ∞ in the precision of the model: at t = 0 all logits are b, and nothing is
 * learned.
 */
function temperatureOf({ tPrime }: SigLip, when: "before" | "after"): number {
  const value = tPrime.value.item();
  const t = portable.exp(value);
  const held = tPrime.value.dtype === "f32" ? Math.fround(t) : t;
  if (held > 0 && Number.isFinite(held)) return t;
  const what = `train: t′ is ${value} ${when} the update, and t = exp t′ is ${held} in ${tPrime.value.dtype}`;
  throw new NonFiniteError(`${what}; lower the learning rate, especially of t′, or go back to an earlier checkpoint`);
}
