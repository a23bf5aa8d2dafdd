/**
 * The program that `siglip train` starts on its devices: every device runs all of it on its shards of each batch.
 *
 * Rank 0 also writes metrics, checkpoints and the report. A batch is a pure function of (seed, step) and sums over shards
 * have a fixed order, so a resumed run, also on another number of devices, is bit-identical to an uninterrupted one.
 *
 * All devices hold the same parameters and moments. They compare both before every save, and the parameters at a regular
 * interval: a flipped bit in the memory of one device ends the run and reaches no checkpoint.
 */
import {
  BatchReader,
  type BatchSlots,
  openPairs,
  type PairsSpec,
  RowDrawer,
  rowsBetween,
  type SharedRows,
  type TokenizerFile,
  tokenizerFromJSON,
} from "../data/index.ts";
import { NonFiniteError } from "../nn/index.ts";
import { requireSameBits } from "../parallel/index.ts";
import { type Device, runDevice } from "../parallel/launch.ts";
import { type PairBatch, trainingLosses, trainStep } from "../siglip/index.ts";
import type { Config } from "./config.ts";
import type { Tests } from "./dataSet.ts";
import { openTests } from "./dataSets.ts";
import { type Embedder, embedSet, evaluateAll, evaluateSet } from "./evaluation.ts";
import { type Metrics, MetricsLog, readMetrics } from "./metrics.ts";
import { buildModel, buildOptimizer, buildSchedule } from "./model.ts";
import { finish } from "./results.ts";
import { openRun } from "./runFolder.ts";
import { Saver } from "./saver.ts";
import { firstNonFinite, restore, type Stored, tensorsOf } from "./trainingState.ts";
import { TrainingWatch } from "./trainingWatch.ts";

/** The job of `trainProgram`. */
export interface TrainJob {
  /** The run folder. */
  readonly run: string;
  readonly config: Config;
  readonly preset: string;
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
  readonly pairs: PairsSpec;
  /** The source of batch rows: a thread that runs ahead of the devices, or the devices while they wait for each other. */
  readonly batches: { readonly ahead: BatchSlots } | { readonly shared: SharedRows };
}

/** A report from a device to the main thread during training. */
export type TrainReport =
  | { readonly kind: "step"; readonly step: number; readonly loss: number; readonly t: number; readonly b: number }
  | { readonly kind: "log"; readonly message: string };

/** The result of a training. */
export type TrainResult =
  | { readonly kind: "stopped"; readonly step: number }
  | { readonly kind: "done"; readonly table: string; readonly summary: string; readonly report: string };

/** Least interval between two step reports: the main thread shares the cores with the devices. */
const REPORT_MS = 100;

runDevice<TrainJob, TrainResult, TrainReport>(async (device) => {
  const started = performance.now();
  const { comm, config: job } = device;
  const { config } = job;
  const tokenizer = tokenizerFromJSON(job.tokenizer);
  const model = buildModel(config, tokenizer.vocabSize);
  const optimizer = buildOptimizer(config, model);
  if (job.stored) restore(job.stored, model, optimizer);
  const rendered = "rendered" in job.pairs ? job.pairs.rendered : undefined;
  const tests = await openTests(config, { progress: device.alive, rendered, wantsKnown: comm.rank === 0 });
  const embedder: Embedder = { model, tokenizer, length: config.tokenizer.length, comm };

  const writes = comm.rank === 0;
  const say = (message: string): void => device.report({ kind: "log", message });
  const log = writes ? new MetricsLog(job.run, undefined, (warning) => say(`warning: ${warning}`)) : undefined;
  const { minutes } = config.checkpoint;
  const { checkpoints } = openRun(job.run, config, { damaged: job.damaged });
  const saver = log
    ? new Saver({ checkpoints, digest: job.digest, model, optimizer, tokenizer, log, minutes, say })
    : undefined;
  const { steps, batch, shards } = config.train;
  const loss = trainingLosses[config.train.loss];
  if (job.first < steps) saver?.requireSpace();
  const factor = buildSchedule(config, Math.floor(job.items / batch));
  let reported = Number.NEGATIVE_INFINITY;
  const watch = writes ? watchFrom(job, config.train) : undefined;
  const ownRows = await rowsOf(device, config.train);
  const compareAll = (when: string): void => requireSameBits(comm, tensorsOf(model, optimizer), when);
  const compareModel = (when: string): void => requireSameBits(comm, tensorsOf(model), when);

  for (let index = job.first; index < steps; index++) {
    const step = index + 1;
    device.step(step);
    if (saver?.isDue) device.mark();
    const pairs = ownRows(index, () => device.step(step));
    const update = () => trainStep({ model, optimizer, loss }, pairs, factor(index), { comm, shards });
    const seen = blamed(update, () => {
      compareAll(`in step ${step}`);
      refuseNonFinite(tensorsOf(model, optimizer), `in step ${step}`);
    });
    saver?.saw(seen.loss);

    const stopped = device.stopAgreed();
    const last = step === steps || stopped;
    const isTime = device.markAgreed();
    const saves = last || isTime || step % config.checkpoint.every === 0;
    if (saves) compareAll(`after step ${step}`);
    else if (step % job.compareEvery === 0) compareModel(`after step ${step}`);
    if (step % config.log.every === 0 || step === 1 || step === steps) {
      log?.append({ step, ...seen, learningRate: factor(index) * config.optim.lr });
    }
    if (step % config.eval.every === 0 && step < steps) {
      const row = quickEvaluation(step, embedder, tests);
      log?.append(row);
    }
    for (const sign of watch?.see({ step, ...seen }) ?? []) {
      device.report({ kind: "log", message: `warning: ${sign}` });
    }
    if (writes && (last || performance.now() - reported > REPORT_MS)) {
      device.report({ kind: "step", step, loss: seen.loss, t: seen.t, b: seen.b });
      reported = performance.now();
    }
    const isSaved = saves && saver?.save(step, last);
    if (isSaved && isTime && !last) say(`checkpoint of step ${step} saved`);
    if (stopped && step < steps) {
      log?.close();
      return { kind: "stopped", step };
    }
  }
  log?.close();
  const { sets, evaluations } = evaluateAll(embedder, tests);
  if (!writes) return { kind: "stopped", step: steps };
  const seconds = (performance.now() - started) / 1e3;
  return finish({
    run: job.run,
    config,
    preset: job.preset,
    model,
    set: sets[0],
    evaluations,
    seconds,
    first: job.first,
    devices: comm.size,
  });
});

/** A watch for the coming steps; that of a resumed run knows the run's first step. */
function watchFrom({ run, first }: TrainJob, train: Config["train"]): TrainingWatch {
  const watch = new TrainingWatch(train);
  const start = first > 0 ? readMetrics(run).rows.find(({ loss }) => loss !== undefined) : undefined;
  if (start) watch.see({ step: start.step, loss: Number(start.loss), t: Number(start.t), b: Number(start.b) });
  return watch;
}

/** Runs an update. If it fails with NaN or infinity, `look` throws if the cause is not the learning rate. */
function blamed<T>(update: () => T, look: () => void): T {
  try {
    return update();
  } catch (error) {
    if (error instanceof NonFiniteError) look();
    throw error;
  }
}

/** Throws if an earlier update left a parameter or a moment that is NaN or infinite. */
function refuseNonFinite(tensors: ReturnType<typeof tensorsOf>, when: string): void {
  const bad = firstNonFinite(tensors);
  if (bad !== undefined) throw new NonFiniteError(`train: ${bad} holds NaN or infinity ${when}, from earlier updates`);
}

/** A function that returns this rank's rows of a step's batch; `idle` is called while it waits for them. */
async function rowsOf(
  { comm, config: job, alive }: Device<TrainJob, TrainReport>,
  { batch, seed, steps }: Config["train"],
): Promise<(index: number, idle: () => void) => PairBatch> {
  const [first, end] = [comm.rank, comm.rank + 1].map((rank) => (rank * batch) / comm.size);
  if ("ahead" in job.batches) {
    const reader = new BatchReader(job.batches.ahead, comm.rank);
    return (index, idle) => rowsBetween(reader.take(index, idle), first, end);
  }
  const drawer = new RowDrawer(job.batches.shared, await openPairs(job.pairs, alive), { seed, first, end, steps });
  comm.whileWaiting = () => drawer.help();
  return (index) => drawer.take(index);
}

/** Recall on the first test set during training, for the curves of the report. Nothing is selected by it. */
function quickEvaluation(step: number, embedder: Embedder, { sets }: Tests): Metrics {
  const { recall } = evaluateSet(embedSet(embedder, sets[0]));
  const fields = recall.flatMap(({ k, textToImage, imageToText }) => [
    [`textToImage.r${k}`, textToImage],
    [`imageToText.r${k}`, imageToText],
  ]);
  return { step, ...Object.fromEntries(fields) };
}
