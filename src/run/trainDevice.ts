/**
 * The program that `siglip train` starts on its devices: every device runs all of it on its shards of each batch.
 *
 * Rank 0 also writes metrics, checkpoints and the report (`recorder.ts`). A batch is a pure function of (seed, step) and sums
 * over shards have a fixed order, so a resumed run, also on another number of devices, is bit-identical to an uninterrupted one.
 */
import { openPairs, type PairsSpec, RowDrawer, type SharedRows } from "../data/index.ts";
import type { Recall } from "../eval/index.ts";
import { type Device, runDevice } from "../parallel/launch.ts";
import { groupsOfTokens, type PairBatch, train } from "../siglip/index.ts";
import { Rng } from "../tensor/index.ts";
import { type TokenizerFile, tokenizerFromJSON } from "../tokenizers/index.ts";
import type { Config } from "./config.ts";
import type { TestOpening, Tests } from "./dataSet.ts";
import { openProbe, openTests, repeatsTexts } from "./dataSets.ts";
import { type Embedder, embedSet, evaluateAll, evaluateSet } from "./evaluation.ts";
import { Guard } from "./guard.ts";
import type { Metrics } from "./metrics.ts";
import { buildModel, buildOptimizer, lossOf } from "./model.ts";
import { probe } from "./probe.ts";
import { isLogged, Recorder, type RecorderOptions, type TrainReport } from "./recorder.ts";
import { finish } from "./results.ts";
import { openRun } from "./runFolder.ts";
import { buildSchedules } from "./schedules.ts";
import { restore, type Stored } from "./trainingState.ts";

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
  readonly rows: SharedRows;
}

/** The result of a training. */
export type TrainResult =
  | { readonly kind: "stopped"; readonly step: number }
  | { readonly kind: "done"; readonly table: string; readonly summary: string; readonly report: string };

runDevice<TrainJob, TrainResult, TrainReport>(async (device) => {
  const started = performance.now();
  const { comm, config: job } = device;
  const { config, first } = job;
  const { steps, batch, shards } = config.train;
  const tokenizer = tokenizerFromJSON(job.tokenizer);
  const model = buildModel(config, tokenizer.vocabSize);
  const optimizer = buildOptimizer(config, model);
  if (job.stored) restore(job.stored, model, optimizer);
  const opening = openingOf(device);
  const tests = await openTests(config, opening);
  const embedder: Embedder = { model, tokenizer, length: config.tokenizer.length, comm, alive: device.alive };
  const recorder = comm.rank === 0 ? recorderFor(device, { model, optimizer, tokenizer }) : undefined;
  const guard = new Guard(comm, model, optimizer, job.compareEvery);
  const { factorOf, factors } = buildSchedules(config, Math.floor(job.items / batch));

  const drawer = await rowDrawerFor(device);
  const dropout = new Rng(config.train.seed).split("patchDropout");
  const batchOf = (index: number): PairBatch => {
    device.step(index + 1);
    if (recorder?.saveIsDue) device.mark(); // all devices then save after this step
    const rows = drawer.take(index);
    const rng = dropout.split(index);
    if (!findsGroups) return { ...rows, rng };
    const groups = groupsOfTokens(rows.tokens, rows.items.length, comm);
    recorder?.sawGroups(groups);
    return { ...rows, rng, groups };
  };
  const findsGroups = repeatsTexts(config) && config.loss.sameName !== "negative";
  const loss = lossOf(config);
  const measures = (index: number): boolean => isLogged(config, index + 1);
  const training = train({ model, optimizer, loss, batchOf, factorOf, measures, first, steps, comm, shards });

  for (const seen of guard.watching(training, first)) {
    const { step } = seen;
    const stopped = device.stopAgreed();
    const isDue = device.markAgreed();
    const last = step === steps || stopped;
    const saves = last || isDue || step % config.checkpoint.every === 0;
    guard.compare(step, saves);
    const evaluates = step % config.eval.every === 0 && step < steps;
    const recall = evaluates ? recallOf(step, embedder, tests) : undefined;
    recorder?.saw(seen, factors(step - 1)[0] * config.optim.lr, recall, last);
    if (saves) recorder?.save(step, last);
    if (stopped && step < steps) {
      recorder?.close();
      return { kind: "stopped", step };
    }
  }
  const { sets, evaluations } = evaluateAll(embedder, tests, config.train);
  recorder?.sawResult(recallMetrics(steps, evaluations[0].recall));
  recorder?.close();
  const labelled = await openProbe(config, opening);
  const probed = labelled && probe(embedder, labelled);
  if (recorder === undefined) return { kind: "stopped", step: steps }; // rank 0 has one
  const seconds = (performance.now() - started) / 1e3;
  const { run, preset } = job;
  const { flops } = recorder;
  const results = { set: sets[0], evaluations, probe: probed };
  return finish({ run, config, preset, model, ...results, seconds, flops, first, devices: comm.size });
});

/** How the test sets are opened: with what the main thread has read already. */
function openingOf({ config: { pairs }, alive }: Device<TrainJob, TrainReport>): TestOpening {
  const rendered = "rendered" in pairs ? pairs.rendered : undefined;
  const names = "names" in pairs ? pairs.names : undefined;
  return { progress: alive, rendered, names };
}

/** Draws the rows of this device, and while it waits for other devices also later ones. */
async function rowDrawerFor({ comm, config: job, alive }: Device<TrainJob, TrainReport>): Promise<RowDrawer> {
  const { batch, seed, steps } = job.config.train;
  const { noise, noiseProbability } = job.config.data;
  const [first, end] = [comm.rank, comm.rank + 1].map((rank) => (rank * batch) / comm.size);
  const pairs = await openPairs(
    {
      ...job.pairs,
      views: lossOf(job.config).views,
      ...(noise === "none" ? {} : { noise: { kind: noise, probability: noiseProbability } }),
    },
    alive,
  );
  const drawer = new RowDrawer(job.rows, pairs, { seed, first, end, steps });
  comm.whileWaiting = () => drawer.help();
  return drawer;
}

function recorderFor(
  { config: job, report }: Device<TrainJob, TrainReport>,
  trained: Pick<RecorderOptions, "model" | "optimizer" | "tokenizer">,
): Recorder {
  const { run, config, first, stored, digest, damaged } = job;
  const { checkpoints } = openRun(run, config, { damaged });
  return new Recorder({ ...trained, run, config, first, stored, digest, checkpoints, report });
}

/** Recall on the first test set during training, for the curves of the report. Nothing is selected by it. */
const recallOf = (step: number, embedder: Embedder, { sets }: Tests): Metrics =>
  recallMetrics(step, evaluateSet(embedSet(embedder, sets[0]), embedder.alive).recall);

/** A line of metrics. */
function recallMetrics(step: number, recall: readonly Recall[]): Metrics {
  const fields = recall.flatMap(({ k, textToImage, imageToText }) => [
    [`textToImage.r${k}`, textToImage],
    [`imageToText.r${k}`, imageToText],
  ]);
  return { step, ...Object.fromEntries(fields) };
}
