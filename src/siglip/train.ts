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
import { NonFiniteError, type Optimizer, type ScheduleFactor, trainedParameters } from "../nn/index.ts";
import { alone } from "../parallel/index.ts";
import { flops, scope, tensor } from "../tensor/index.ts";
import { type Devices, objectiveGradients } from "./batchGradients.ts";
import type { PairBatch } from "./batchShards.ts";
import { type BatchHealth, type Health, measureUpdate } from "./health.ts";
import type { LossForm } from "./lossForm.ts";
import type { SigLip } from "./model.ts";
import type { Encoded, LossMetrics, Objective, PairMetrics } from "./objective.ts";
import { pairObjective } from "./pairObjective.ts";

/** A model, its optimizer, and its loss of pairs. */
export interface Trainee {
  readonly model: SigLip;
  readonly optimizer: Optimizer;
  readonly loss: LossForm;
}

/** An objective with the optimizer of its model. */
export interface ObjectiveTrainee<Batch> {
  readonly objective: Objective<Batch>;
  readonly optimizer: Optimizer;
}

/** The batches of a training and its schedule. */
interface Course<Batch> extends Devices {
  /** This device's rows of the batch of a step, counted from 0. */
  batchOf(index: number): Batch;
  /** The schedule factor of a step, counted from 0; 1 by default. */
  factorOf?(index: number): ScheduleFactor;
  /** Whether to measure the health in a step, counted from 0; by default never. */
  measures?(index: number): boolean;
  /** Steps done before; 0 by default. */
  readonly first?: number;
  /** Steps in all, including those done before. */
  readonly steps: number;
}

/** The settings of `train`: a trainee, its batches and its schedule. */
export interface Training extends Trainee, Course<PairBatch> {}

/** The settings of `train` for any objective. */
export interface ObjectiveTraining<Batch> extends ObjectiveTrainee<Batch>, Course<Batch> {}

/** How a step is taken. */
export interface StepOptions extends Devices {
  /** Whether to measure the health, which takes time and changes no bit; false by default. */
  readonly measure?: boolean;
}

/** The metrics of a step from before its update, unless it says otherwise; the same on every rank. */
export interface StepMetrics extends PairMetrics, LossMetrics {
  readonly loss: number;
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

/** The metrics of a step on pairs, which has t and b. */
export type PairStepMetrics = StepMetrics & Readonly<Required<PairMetrics>>;

/** `{ model, loss }` is short for the objective of pairs. */
const objectiveOf = <Batch>(trainee: Trainee | ObjectiveTrainee<Batch>): Objective<Batch> =>
  "objective" in trainee
    ? trainee.objective
    : (pairObjective(trainee.model, trainee.loss) as Objective<unknown> as Objective<Batch>);

/** Trains, and yields after every update. A caller that leaves the loop early ends the training after a complete step. */
export function train(training: Training): Generator<Step & PairStepMetrics>;
export function train<Batch>(training: ObjectiveTraining<Batch>): Generator<Step>;
export function* train<Batch>(training: (Trainee | ObjectiveTrainee<Batch>) & Course<Batch>): Generator<Step> {
  const { batchOf, factorOf = () => 1, measures = () => false, first = 0, steps, optimizer } = training;
  const objective = objectiveOf(training);
  for (let index = first; index < steps; index++) {
    const options = { ...training, measure: measures(index) };
    yield { step: index + 1, ...trainStep({ objective, optimizer }, batchOf(index), factorOf(index), options) };
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
  trainee: Trainee,
  batch: PairBatch,
  factor: ScheduleFactor,
  options?: StepOptions,
): PairStepMetrics;
export function trainStep<Batch>(
  trainee: ObjectiveTrainee<Batch>,
  batch: Batch,
  factor: ScheduleFactor,
  options?: StepOptions,
): StepMetrics;
export function trainStep<Batch>(
  trainee: Trainee | ObjectiveTrainee<Batch>,
  batch: Batch,
  factor: ScheduleFactor,
  { measure = false, ...devices }: StepOptions = {},
): StepMetrics {
  const { optimizer } = trainee;
  const objective = objectiveOf(trainee);
  const { model } = objective;
  const own = objective.before(optimizer);
  const { comm = alone, shards = comm.size } = devices;
  try {
    return scope(() => {
      let batchHealth: BatchHealth | undefined;
      let measuring = 0; // floating-point operations
      const measureBatch = (encoded: Encoded<string>): void => {
        const before = flops();
        batchHealth = objective.health(encoded, batch, { comm, shards });
        measuring = flops() - before;
      };
      // Sets the gradient of every parameter.
      const start = flops();
      const { loss, metrics } = objectiveGradients(objective, batch, devices, measure ? measureBatch : undefined);
      if (!Number.isFinite(loss)) {
        throw new NonFiniteError(`train: the loss is ${loss}${inWords(own)}; nothing was updated`);
      }
      const ofGradients = flops() - start - measuring;
      const measured = measure ? measureUpdate(model, optimizer) : undefined;
      const between = flops();
      const gradNorm = optimizer.step(factor, comm);
      const counted = ofGradients + flops() - between;
      objective.after?.();
      const all = comm.allReduce(tensor([counted], [], "f64")).item();
      const seen = { loss, ...own, ...metrics, gradNorm, flops: all };
      return batchHealth && measured ? { ...seen, health: { ...batchHealth, ...measured() } } : seen;
    });
  } finally {
    // The scope has freed all gradients, also those of parameters that the optimizer does not update.
    for (const parameter of trainedParameters(model)) parameter.grad = undefined;
  }
}

/** ` at t = 10, b = -4.8`; nothing without them. */
const inWords = ({ t, b }: PairMetrics): string => (t === undefined ? "" : ` at t = ${t}, b = ${b}`);
