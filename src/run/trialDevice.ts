/**
 * The program of a trial: a few training steps on random rows, to estimate how long a run takes. It needs neither data nor a
 * run folder. A step with the rows of the run may take minutes, so the batch grows from a small one until a step takes long
 * enough to be timed.
 */
import { runDevice } from "../parallel/launch.ts";
import {
  type ClassBatch,
  Classifier,
  classification,
  type Objective,
  type PairBatch,
  pairObjective,
  trainStep,
} from "../siglip/index.ts";
import { Rng, tensor } from "../tensor/index.ts";
import type { Config } from "./config.ts";
import { rowShapeOf } from "./memory.ts";
import { buildClassifier, buildModel, buildOptimizer, lossOf } from "./model.ts";
import { tensorsOf } from "./trainingState.ts";

/** The job of `trialProgram`. */
export interface TrialJob {
  readonly config: Config;
  readonly vocabSize: number;
  /** With train.objective=classify. */
  readonly classes: number | undefined;
}

/** What a trial measured. */
export interface TrialResult {
  /** Pairs in a step of the trial; at most those of the run. */
  readonly batch: number;
  /** Timed steps. */
  readonly steps: number;
  /** Mean seconds of a step. */
  readonly seconds: number;
  /** Floating-point operations of a step, in the matrix products. */
  readonly flops: number;
  /** Bytes of the tensors of a checkpoint. */
  readonly checkpointBytes: number;
}

/** Seconds of a step so long that what does not grow with the batch hardly counts. */
const LONG = 0.5;
/** Seconds of all timed steps together. */
const TIMED = 1.5;
const MOST_TIMED = 500;
/** Steps with which the engine compiles the program. */
const WARM_UP = 3;

runDevice<TrialJob, TrialResult>(({ comm, config: { config, vocabSize, classes } }) => {
  const model = classes === undefined ? buildModel(config, vocabSize) : buildClassifier(config, classes);
  const objective: Objective<PairBatch & ClassBatch> =
    model instanceof Classifier ? classification(model) : pairObjective(model, lossOf(config));
  const optimizer = buildOptimizer(config, model);
  const trainee = { objective, optimizer };
  const owned = config.train.shards / comm.size;
  const rows = config.train.batch / config.train.shards;

  /** Mean over the devices of the seconds that so many steps take, each with so many shards of each device. */
  const measure = (size: Size, steps: number): { seconds: number; flops: number } => {
    const batch = randomBatch(config, vocabSize, size.owned * size.rows);
    const options = { comm, shards: size.owned * comm.size };
    let flops = 0;
    const start = performance.now();
    // A factor of 0: a learning rate that is too high must not end the trial.
    for (let step = 0; step < steps; step++) flops = trainStep(trainee, batch, 0, options).flops;
    const own = (performance.now() - start) / 1e3 / comm.size;
    return { seconds: comm.allReduce(tensor([own], [], "f64")).item(), flops };
  };

  const larger = ({ rows: before, owned: shards }: Size): Size =>
    before < rows ? { rows: Math.min(2 * before, rows), owned: shards } : { rows, owned: Math.min(2 * shards, owned) };

  let size: Size = { rows: Math.min(2, rows), owned: 1 };
  measure(size, WARM_UP);
  let { seconds } = measure(size, 1);
  while (seconds < LONG && (size.rows < rows || size.owned < owned)) {
    size = larger(size);
    seconds = Math.min(measure(size, 1).seconds, measure(size, 1).seconds);
  }
  const steps = Math.max(1, Math.min(MOST_TIMED, Math.round(TIMED / seconds)));
  const timed = measure(size, steps);
  const bytes = [...tensorsOf(model, optimizer).values()].map(({ data }) => data.byteLength);
  return {
    batch: size.rows * size.owned * comm.size,
    steps,
    seconds: timed.seconds / steps,
    flops: timed.flops,
    checkpointBytes: bytes.reduce((sum, each) => sum + each, 0),
  };
});

/** The batch of one device: its shards, and the pairs in each. */
interface Size {
  readonly rows: number;
  readonly owned: number;
}

function randomBatch(config: Config, vocabSize: number, pairs: number): PairBatch & ClassBatch {
  const rng = new Rng(0);
  const { imageShape, views, length } = rowShapeOf(config);
  const shape = [views * pairs, ...imageShape];
  const count = shape.reduce((product, side) => product * side, 1);
  // A locked tower's embeddings have length 1; pixels may be any.
  const norm = imageShape.length === 1 ? 1 / Math.sqrt(imageShape[0]) : 1;
  const images = Float32Array.from({ length: count }, () => norm * (2 * rng.uniform() - 1));
  const tokens = Int32Array.from({ length: pairs * length }, () => Math.floor(rng.uniform() * vocabSize));
  return { images, imageShape: shape, tokens, labels: new Int32Array(pairs), rng };
}
