/**
 * `siglip train`: the loop around the training step, with its run folder.
 *
 * Batches come from a thread that prepares them ahead; a batch is a pure function of (seed, step), so a run that is resumed
 * goes on with the bits it would have had. Ctrl-C finishes the step, saves and exits 130; a second one exits at once.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { openBatchStream } from "../data/index.ts";
import { countParameters } from "../nn/index.ts";
import { trainStep } from "../siglip/index.ts";
import { kernelReport } from "../tensor/index.ts";
import { buildModel, buildOptimizer, buildSchedule } from "./build.ts";
import { type Config, ConfigError, checkBatch, configDifferences, resolveConfig } from "./config.ts";
import { embedSet, evaluateSet, evaluateTask, evaluationTable } from "./evaluate.ts";
import { EXIT, isExpected } from "./exitCodes.ts";
import { type Metrics, MetricsLog, readMetrics, rewindMetrics } from "./metrics.ts";
import { print } from "./print.ts";
import { startProgress } from "./progress.ts";
import { showRendering } from "./rendering.ts";
import { renderReport } from "./report.ts";
import { type FinishedRun, reportOf } from "./reportOf.ts";
import { configDigest, createNextRun, createRun, type OwnedRunFolder, RunFolderError, resumeRun } from "./runFolder.ts";
import { catchSignals } from "./signals.ts";
import { checkpointOf, restore } from "./state.ts";
import { openTask, type Task } from "./task.ts";

export interface TrainOptions {
  readonly preset: string;
  readonly out?: string;
  readonly seed?: string;
  readonly set: readonly string[];
  readonly resume?: boolean;
}

export async function train(options: TrainOptions): Promise<void> {
  const run = openRun(options);
  try {
    const task = await openTask(run.config, showRendering());
    await trainRun(run, task, options.preset);
  } finally {
    run.release();
  }
}

/** A new run folder, or the one to resume. */
function openRun({ preset, out, seed, set, resume = false }: TrainOptions): OwnedRunFolder {
  const settings = seed === undefined ? set : [...set, `train.seed=${seed}`];
  const now = new Date();
  if (!resume) {
    const config = resolveConfig(preset, settings);
    return out === undefined ? createNextRun("runs", preset, config, now) : createRun(out, config, now);
  }
  if (out === undefined) throw new RunFolderError("--resume needs --out, the folder of the run to go on with");
  const run = resumeRun(out, now);
  try {
    if (settings.length > 0) refuseOtherConfig(run.config, resolveConfig(preset, settings));
    return run;
  } catch (error) {
    run.release();
    throw error;
  }
}

function refuseOtherConfig(before: Config, asked: Config): void {
  const different = configDifferences(before, asked);
  if (different.length === 0) return;
  throw new ConfigError(
    different.map((difference) => ({
      code: "CONFIG_COMBINATION" as const,
      key: difference.slice(0, difference.indexOf(":")),
      detail: `${difference}: a resumed run keeps its configuration; leave the settings out, or start a new run`,
    })),
  );
}

const FAILED_SAVES = 3; // in a row, before a run gives up

async function trainRun(run: OwnedRunFolder, task: Task, preset: string): Promise<void> {
  const { config, path } = run;
  checkBatch(config, task.items);
  const { seed, steps, batch, loss } = config.train;
  const started = performance.now();
  const model = buildModel(config, task.tokenizer.vocabSize);
  const optimizer = buildOptimizer(config, model);
  const digest = configDigest(config);

  const before = run.checkpoints.load(digest);
  for (const warning of before?.warnings ?? []) process.stderr.write(`warning: ${warning}\n`);
  if (before) restore(before, model, optimizer);
  const first = before?.step ?? 0;
  rewindMetrics(path, first);
  run.checkpoints.requireSpace(
    (config.checkpoint.keep + 1) * bytesOf(checkpointOf(0, model, optimizer, task.tokenizer).tensors),
  );

  const stream = await openBatchStream(task.pairs, { seed, batch });
  const side = stream.side;
  const factor = buildSchedule(config, Math.floor(task.items / batch));
  const progress = startProgress({ steps, batch });
  const signals = catchSignals(() => progress.log("finishing the step and saving; again to stop at once"));
  const log = new MetricsLog(path);
  let saved = first;
  let failed = 0; // saves in a row
  /** Saves; a failed save in the middle of a run is a warning, since the next may find room, but not three in a row. */
  const save = (step: number, last: boolean): void => {
    try {
      log.sync();
      const { warnings } = run.checkpoints.save(checkpointOf(step, model, optimizer, task.tokenizer), digest);
      for (const warning of warnings) progress.log(`warning: ${warning}`);
      saved = step;
      failed = 0;
    } catch (error) {
      failed++;
      if (last || failed >= FAILED_SAVES || !isExpected(error)) throw error;
      progress.log(`warning: ${error.message}; trying again at the next checkpoint`);
    }
  };

  try {
    for (let index = first; index < steps; index++) {
      const pairs = await stream.next(index);
      const step = index + 1; // steps that are done when this one is
      const { t, b, gradNorm, ...seen } = trainStep(
        model,
        optimizer,
        pairs,
        [batch, side, side, 3],
        factor(index),
        loss,
      );
      progress.update({ step, loss: seen.loss, t, b });
      if (step % config.log.every === 0 || step === 1 || step === steps) {
        log.append({ step, loss: seen.loss, t, b, gradNorm, learningRate: factor(index) * config.optim.lr });
      }
      if (step % config.eval.every === 0 && step < steps) log.append(quickEvaluation(step, model, task));
      await setImmediate(); // signals and batches arrive between steps
      const last = step === steps || signals.asked() !== undefined;
      if (last || step % config.checkpoint.every === 0) save(step, last);
      if (last) break;
    }
  } finally {
    signals.release();
    progress.stop();
    log.close();
    await stream.close();
  }
  const interrupted = signals.asked();
  if (interrupted && saved < steps) {
    process.stderr.write(
      `stopped by ${interrupted} after step ${saved}; go on with: siglip train --resume --out ${path}\n`,
    );
    process.exitCode = interrupted === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    return;
  }
  finish({ run, task, model, preset, seconds: (performance.now() - started) / 1e3, first });
}

const bytesOf = (tensors: ReadonlyMap<string, { data: ArrayBufferView }>): number =>
  [...tensors.values()].reduce((sum, { data }) => sum + data.byteLength, 0);

/** Recall on the first test set during training, for the curves of the report. Nothing is chosen by it. */
function quickEvaluation(step: number, model: FinishedRun["model"], task: Task): Metrics {
  const { recall } = evaluateSet(embedSet(model, task, task.tests[0]));
  const fields = recall.flatMap(({ k, textToImage, imageToText }) => [
    [`textToImage.r${k}`, textToImage],
    [`imageToText.r${k}`, imageToText],
  ]);
  return { step, ...Object.fromEntries(fields) };
}

interface Finish {
  readonly run: OwnedRunFolder;
  readonly task: Task;
  readonly model: FinishedRun["model"];
  readonly preset: string;
  readonly seconds: number;
  readonly first: number;
}

/** Results, table and report of a run whose last step is saved. */
function finish({ run, task, model, preset, seconds, first }: Finish): void {
  const { config, path } = run;
  const { sets, evaluations } = evaluateTask(model, task);
  const { rows } = readMetrics(path);
  const { seed, steps, batch } = config.train;
  const minutes = `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
  const parameters = countParameters(model).toLocaleString("en");
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const report = reportOf({
    title: `siglip-ts: ${preset}, seed ${seed}`,
    config,
    model,
    seed,
    set: sets[0],
    evaluations,
    metrics: rows.filter((row) => typeof row.loss === "number") as unknown as FinishedRun["metrics"],
    history: rows.filter((row) => "textToImage.r1" in row).map(historyRow),
    facts: {
      parameters,
      training: `${(steps * batch).toLocaleString("en")} pairs in ${steps.toLocaleString("en")} steps`,
      duration: first > 0 ? `${minutes} since it was resumed at step ${first}` : minutes,
      machine: `${cpus()[0]?.model.trim() ?? "unknown"}, one thread training`,
      kernels: kernelReport().why,
    },
    versions: { "siglip-ts": version, node: process.versions.node, v8: process.versions.v8 },
  });
  const file = join(path, "report.html");
  writeFileSync(file, renderReport(report));
  print(`\n${evaluationTable(evaluations)}\n`);
  print(`${parameters} parameters, ${(steps * batch).toLocaleString("en")} pairs, ${minutes}`);
  print(`report: ${file}`);
}

function historyRow(row: Metrics): FinishedRun["history"][number] {
  const recall = [1, 5, 10].map((k) => ({
    k,
    textToImage: Number(row[`textToImage.r${k}`]),
    imageToText: Number(row[`imageToText.r${k}`]),
  }));
  return { step: row.step, recall };
}
