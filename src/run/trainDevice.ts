/**
 * The program that `siglip train` starts on its devices: every device runs all of it on its shards of each batch.
 *
 * Rank 0 also writes metrics and checkpoints (`recorder.ts`), the main thread the report. A batch is a pure function of (seed, step) and sums
 * over shards have a fixed order, so a resumed run, also on another number of devices, is bit-identical to an uninterrupted one.
 */
import { type Pairs, type PairsSpec, RowDrawer, type SharedRows } from "../data/index.ts";
import { countParameters } from "../nn/index.ts";
import { type Device, runDevice } from "../parallel/launch.ts";
import type { ModelSnapshot } from "../report/index.ts";
import { train } from "../siglip/index.ts";
import { Rng } from "../tensor/index.ts";
import { type Tokenizer, type TokenizerFile, tokenizerFromJSON } from "../tokenizers/index.ts";
import { classTask } from "./classTask.ts";
import type { Config } from "./config.ts";
import type { Classes, TestOpening } from "./dataSet.ts";
import { firstRows, openRunPairs } from "./firstBatch.ts";
import { Guard } from "./guard.ts";
import { buildOptimizer } from "./model.ts";
import { pairTask } from "./pairTask.ts";
import { type Beginning, isLogged, Recorder, type RecorderOptions, type TrainReport } from "./recorder.ts";
import { finish } from "./results.ts";
import { openRun } from "./runFolder.ts";
import { buildSchedules } from "./schedules.ts";
import type { Task } from "./task.ts";
import { restore, type Stored } from "./trainingState.ts";

/** The job of `trainProgram`. */
export interface TrainJob {
  /** The run folder. */
  readonly run: string;
  readonly config: Config;
  readonly digest: string;
  /** Completed steps. */
  readonly first: number;
  /** The checkpoint of that step: loaded once, so that all devices resume from the same one. */
  readonly stored?: Stored | undefined;
  /** Manifests that did not load. */
  readonly damaged: readonly string[];
  /** Steps between two comparisons of parameters. */
  readonly compareEvery: number;
  readonly tokenizer: TokenizerFile;
  readonly items: number;
  /** With train.objective=classify. */
  readonly classes?: Classes | undefined;
  readonly pairs: PairsSpec;
  readonly rows: SharedRows;
}

/** The result of a training. */
export type TrainResult =
  | { readonly kind: "stopped"; readonly step: number }
  | { readonly kind: "done"; readonly table: string; readonly summary: string; readonly snapshot: ModelSnapshot };

runDevice<TrainJob, TrainResult, TrainReport>(async (device) => {
  const { comm, config: job, alive } = device;
  const { config, classes } = job;
  const tokenizer = tokenizerFromJSON(job.tokenizer);
  const options = { config, tokenizer, comm, alive, opening: openingOf(device) };
  return classes
    ? runTask(device, tokenizer, () => classTask(options, classes))
    : runTask(device, tokenizer, () => pairTask(options));
});

/** Trains a task from its first step to its last, or to a signal, and tests it. */
async function runTask<B>(
  device: Device<TrainJob, TrainReport>,
  tokenizer: Tokenizer,
  open: () => Promise<Task<B>>,
): Promise<TrainResult> {
  const started = performance.now();
  const task = await open();
  const { comm, config: job } = device;
  const { config, first } = job;
  const { steps, batch, shards } = config.train;
  const { model, objective } = task;
  const optimizer = buildOptimizer(config, model);
  if (job.stored) restore(job.stored, model, optimizer);
  const recorder = comm.rank === 0 ? recorderFor(device, { model, optimizer, tokenizer, loss: task.loss }) : undefined;
  const guard = new Guard(comm, model, optimizer, job.compareEvery);
  const { factorOf, factors } = buildSchedules(config, Math.floor(job.items / batch));

  const drawer = await rowDrawerFor(device, (pairs) => ({
    parameters: countParameters(model),
    blindLoss: task.loss.blindLoss(batch),
    rows: firstRows(pairs, config, tokenizer),
  }));
  const dropout = new Rng(config.train.seed).split("patchDropout");
  const batchOf = (index: number): B => {
    device.step(index + 1);
    if (recorder?.saveIsDue) device.mark(); // all devices then save after this step
    return task.batchOf(drawer.take(index), dropout.split(index), (groups) => recorder?.sawGroups(groups));
  };
  const measures = (index: number): boolean => isLogged(config, index + 1);
  const training = train({ objective, optimizer, batchOf, factorOf, measures, first, steps, comm, shards });

  for (const seen of guard.watching(training, first)) {
    const { step } = seen;
    const stopped = device.stopAgreed();
    const isDue = device.markAgreed();
    const last = step === steps || stopped;
    const saves = last || isDue || step % config.checkpoint.every === 0;
    guard.compare(step, saves);
    const tests = step % config.eval.every === 0 && step < steps;
    const tested = tests ? task.tested() : undefined;
    recorder?.saw(seen, factors(step - 1)[0] * config.optim.lr, tested, last);
    if (saves) recorder?.save(step, last);
    if (stopped && step < steps) {
      recorder?.close();
      return { kind: "stopped", step };
    }
  }
  const results = await task.results((figures) => recorder?.sawResult({ step: steps, ...figures }));
  recorder?.close();
  if (recorder === undefined || results === undefined) return { kind: "stopped", step: steps }; // rank 0 has both
  const seconds = (performance.now() - started) / 1e3;
  return finish({ config, model, results, seconds, flops: recorder.flops, first, devices: comm.size });
}

/** How the test sets are opened: with what the main thread has read already. */
function openingOf({ config: { pairs }, alive }: Device<TrainJob, TrainReport>): TestOpening {
  const rendered = "rendered" in pairs ? pairs.rendered : undefined;
  const names = "names" in pairs ? pairs.names : undefined;
  return { progress: alive, rendered, names };
}

/** Draws the rows of this device, and while it waits for other devices also later ones. */
async function rowDrawerFor(
  { comm, config: job, alive, report }: Device<TrainJob, TrainReport>,
  beginning: (pairs: Pairs) => Beginning,
): Promise<RowDrawer> {
  const { batch, seed, steps } = job.config.train;
  const [first, end] = [comm.rank, comm.rank + 1].map((rank) => (rank * batch) / comm.size);
  const pairs = await openRunPairs(job.pairs, job.config, alive);
  if (comm.rank === 0) report({ kind: "begin", ...beginning(pairs) });
  const drawer = new RowDrawer(job.rows, pairs, { seed, first, end, steps });
  comm.whileWaiting = () => drawer.help();
  return drawer;
}

function recorderFor(
  { config: job, report }: Device<TrainJob, TrainReport>,
  trained: Pick<RecorderOptions, "model" | "optimizer" | "tokenizer" | "loss">,
): Recorder {
  const { run, config, first, stored, digest, damaged } = job;
  const { checkpoints } = openRun(run, config, { damaged });
  return new Recorder({ ...trained, run, config, first, stored, digest, checkpoints, report });
}
