/**
 * `siglip train`, the main thread: it opens the run folder and the data, starts the devices, draws progress, and forwards
 * Ctrl-C. It never blocks on a device; the training itself is in trainDevice.ts.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { newSharedRows } from "../data/index.ts";
import { DeviceError } from "../parallel/index.ts";
import { launch } from "../parallel/launch.ts";
import {
  type Classes,
  type Config,
  ConfigError,
  checkBatch,
  checkMemory,
  checkRunPath,
  checkSchedule,
  checkSettings,
  configDigest,
  countCut,
  createNextRun,
  createRun,
  cutTrainingTexts,
  evaluationTable,
  firstBatchPage,
  hasOldTests,
  initialCheckpoint,
  keptTokenizer,
  LiveReport,
  metricsOf,
  newestRun,
  type OpenRun,
  type OwnedRunFolder,
  onContents,
  openClasses,
  openResumed,
  openStartingWeights,
  openTraining,
  openVocabulary,
  RunFolderError,
  remedyFor,
  resultsOf,
  rewindMetrics,
  rowShapeOf,
  runName,
  type StartingWeights,
  sessionOf,
  settingsInVain,
  shared,
  type TrainingData,
  type TrainJob,
  type TrainReport,
  type TrainResult,
  testAfter,
  testBefore,
  tokenizerOf,
  trainProgram,
  writeChanges,
  writeOldTests,
} from "../run/index.ts";
import { chooseKernels, kernelReport, OutOfMemoryError } from "../tensor/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { deadlineOf } from "./devices.ts";
import { printDryRun } from "./dryRun.ts";
import { EXIT, exitCodeOf } from "./exitCodes.ts";
import { commandLine } from "./invocation.ts";
import { embeddingsOf, openLockedImages } from "./lockedImages.ts";
import { nextSteps } from "./nextSteps.ts";
import { opening } from "./opening.ts";
import { ownDataRecipe, ownDataSummary, ownFolder } from "./ownData.ts";
import { note, print, printableLines, warn } from "./print.ts";
import { startProgress } from "./progress.ts";
import { howToGoOn, resumeCommand } from "./recovery.ts";
import { RUNS } from "./runs.ts";
import { catchSignals, exitCodeAfter, type Interruption } from "./signals.ts";
import { planOf, presetOf, settingsOf, type TrainOptions, withDevices } from "./trainOptions.ts";
import { usageError } from "./usageError.ts";

/** Steps between two comparisons of the devices: often enough, at a negligible cost. */
const COMPARE_EVERY = 100;

export async function train(given: TrainOptions): Promise<void> {
  const { out, resume = false } = given;
  const preset = presetOf(given);
  refuseOfDryRun(given);
  deadlineOf(given.deadline); // reject an invalid one before any work
  const from = startingWeightsOf(given);
  const options = preset === "files" && !resume ? await withRecipe(given, from) : given;
  if (options.dryRun) return dryRun(options, from);
  let start = resume ? openToResume(options) : undefined;
  try {
    const { config: asked, devices } = start ? withDevices(start.run.config, options) : planOf(options, from);
    if (!start) {
      checkMemory(asked, devices); // a resumed run fits
      // Before rendering pictures, which takes a while.
      checkRunPath(out ?? join(RUNS, `.${process.pid}`));
    }
    for (const warning of [...checkSettings(asked, resume), ...settingsInVain(asked, settingsOf(given))]) warn(warning);
    chooseKernels(asked.train.kernels);
    for (const warning of kernelReport().warnings) warn(warning);
    const { items } = await openVocabulary(asked, opening());
    checkBatch(asked, items);
    for (const warning of checkSchedule(asked, items)) warn(warning);
    const classes = await classesOf(asked);
    const training = await openTraining(asked, opening());
    const config = onContents(asked, training.contents);
    const tokenizer = start?.stored ? tokenizerOf(start.stored) : tokenizerFor(config, from, training.tokenizer);
    // A classifier reads no texts: it does not matter if they are cut.
    const texts = classes ? [] : training.texts;
    for (const warning of cutTrainingTexts(config, tokenizer, texts)) warn(warning);
    const initial = from && initialCheckpoint(config, from, tokenizer, classes?.names.length);
    const stored = initial ? shared(initial) : start?.stored;
    const locked = await openLockedImages(config, stored, training.pairs, options.embeddings);
    if (start) writeChanges(start, training.items);
    const old = from && stored && (await testBefore(config, from, stored, oldTestOptions(devices, options)));
    // Only now, so that a rejected run leaves no folder.
    const now = new Date();
    const made = (): OwnedRunFolder =>
      out === undefined ? createNextRun(RUNS, preset, config, now) : createRun(out, config, now);
    start ??= { run: made(), before: config, stored };
    if (initial) start.run.checkpoints.save(initial, configDigest(config));
    const { run } = start;
    if (old) writeOldTests(run.path, old);
    process.stderr.write(printableLines(`run folder: ${run.path}\n`));
    if (stored?.step === config.train.steps) process.stderr.write("all its steps are done; evaluating again\n");
    const deadline = deadlineOf(options.deadline);
    const embeddings = locked && (await embeddingsOf(run, locked, training.pairs, devices, deadline));
    if (typeof embeddings === "string") printStopped(stored?.step ?? 0, embeddings, run.path);
    else await trainRun(start, { ...training, embeddings, classes }, devices, options);
  } catch (error) {
    start?.run.discard();
    throw error;
  } finally {
    start?.run.release();
  }
}

/** Throws `ConfigError` for an option of --dry-run without it. */
function refuseOfDryRun({ dryRun = false, sheet, json = false }: TrainOptions): void {
  if (dryRun) return;
  if (sheet !== undefined) {
    throw usageError("--sheet", "--sheet is for --dry-run; a run has its first batch in its report: leave it out");
  }
  if (json) {
    throw usageError(
      "--json",
      "--json is for --dry-run; a run writes JSON to its metrics.jsonl, and eval RUN --json prints its results: leave it out",
    );
  }
}

/** The weights of --init. */
function startingWeightsOf({ init, embeddings, resume = false }: TrainOptions): StartingWeights | undefined {
  const given = init !== undefined ? "init" : embeddings !== undefined ? "embeddings" : undefined;
  if (resume && given) {
    const detail = `--${given} is for a new run; a resumed run has its own: leave it out`;
    throw new ConfigError([{ code: "CONFIG_COMBINATION", key: `--${given}`, detail }]);
  }
  return init === undefined ? undefined : openStartingWeights(init, warn);
}

/** The classes of a run that is trained on them. */
const classesOf = async (config: Config): Promise<Classes | undefined> =>
  config.train.objective === "classify" ? openClasses(config, opening()) : undefined;

/** The options of a run on the user's images, with the recipe for their number before the settings of --set. */
async function withRecipe(options: TrainOptions, from: StartingWeights | undefined): Promise<TrainOptions> {
  const recipe = await ownDataRecipe(settingsOf(options), from, options.dryRun ?? false);
  return { ...options, set: [...recipe, ...options.set] };
}

/** The tokenizer of a new run: that of its starting weights, or the data's. */
const tokenizerFor = (config: Config, from: StartingWeights | undefined, ofData: Tokenizer): Tokenizer =>
  (from && keptTokenizer(config, from)) ?? ofData;

/** The run to resume without --out. */
function newestHere(): string {
  const newest = newestRun(RUNS);
  if (newest === undefined) throw new RunFolderError(`there is no run in ${RUNS}; name the run to resume with --out`);
  process.stderr.write(printableLines(`resuming ${newest}, the newest run in ${RUNS}\n`));
  return newest;
}

function openToResume(options: TrainOptions): OpenRun {
  const { preset, out = newestHere() } = options;
  return openResumed(out, { preset, settings: settingsOf(options), warn });
}

/** Checks a new run and prints what it would be; writes nothing. */
async function dryRun(options: TrainOptions, from: StartingWeights | undefined): Promise<void> {
  if (options.resume) throw new RunFolderError("--dry-run is for new runs; leave out --resume");
  const { config, devices } = planOf(options, from);
  checkMemory(config, devices);
  if (options.out !== undefined) checkRunPath(options.out);
  const warnings = [...checkSettings(config, false), ...settingsInVain(config, settingsOf(options))];
  const { tokenizer, items, texts } = await openVocabulary(config, opening({ listsBadRows: true }));
  checkBatch(config, items);
  for (const warning of [...warnings, ...checkSchedule(config, items)]) warn(warning);
  chooseKernels(config.train.kernels);
  const kept = tokenizerFor(config, from, tokenizer);
  const classes = (await classesOf(config))?.names.length;
  const path = options.out ?? join(RUNS, runName(presetOf(options), new Date()));
  const { json = false } = options;
  const data = await ownDataSummary(config, kept);
  if (options.sheet !== undefined) {
    writeFileSync(options.sheet, await firstBatchPage(await openTraining(config, opening()), config, kept));
    note(`sheet: ${options.sheet}`);
  }
  const deadline = deadlineOf(options.deadline);
  const cutTexts = countCut(kept, texts, config.tokenizer.length);
  const read = classes === undefined ? { texts: texts.length, cutTexts } : {};
  const sizes = { vocabSize: kept.vocabSize, classes };
  const hasOld = from !== undefined && hasOldTests(await withContents(config, from), from);
  await printDryRun({ config, devices, deadline, ...sizes, path, json, data, hasOldTests: hasOld, ...read });
}

/** The configuration with the SHA-256 of its data, if that tells it from the data of the weights that it starts from. */
async function withContents(config: Config, { data }: StartingWeights): Promise<Config> {
  if (data?.name !== config.data.name || data.contents === "none") return config;
  return onContents(config, (await openTraining(config, opening())).contents);
}

/** The data of a training, with the embeddings that it reads in place of images, or the classes that it learns, if any. */
interface Trained extends TrainingData {
  readonly embeddings: Float32Array | undefined;
  readonly classes: Classes | undefined;
}

/** What the devices get. */
function jobOf(
  { run: { path, config, checkpoints }, stored }: OpenRun,
  { pairs, tokenizer, items, embeddings, classes }: Trained,
  options: TrainOptions,
): TrainJob {
  const { verify = false } = options;
  // A resumed run keeps its tokenizer.
  const kept = (stored ? tokenizerOf(stored) : tokenizer).toJSON();
  const spec = { ...pairs, tokenizer: kept };
  return {
    run: path,
    config,
    digest: configDigest(config),
    first: stored?.step ?? 0,
    stored,
    damaged: checkpoints.damaged,
    compareEvery: verify ? 1 : COMPARE_EVERY,
    tokenizer: kept,
    items,
    classes,
    pairs: embeddings && (spec.data === "emoji" || spec.data === "files") ? { ...spec, embeddings } : spec,
    rows: newSharedRows(config.train.batch, rowShapeOf(config)),
  };
}

/** Trains on the devices and prints the result. */
async function trainRun(start: OpenRun, training: Trained, devices: number, options: TrainOptions): Promise<void> {
  const { run, stored } = start;
  const { path, config } = run;
  rewindMetrics(path, stored?.step ?? 0, undefined, stored && metricsOf(stored));
  const job = jobOf(start, training, options);
  const progress = startProgress(config.train);
  const say = (message: string): void => progress.log(printableLines(message));
  const report = await openReport(job, devices, say);
  const launched = launch<TrainJob, TrainResult, TrainReport>(trainProgram, devices, job, {
    deadline: deadlineOf(options.deadline),
    verify: options.verify ?? false,
    onReport: (seen) => {
      if (seen.kind === "snapshot") report.sawSnapshot(seen.snapshot);
      else if (seen.kind === "begin") report.began(seen);
      else if (seen.kind === "log") say(seen.message);
      else {
        progress.update(seen);
        report.saw(seen.step);
      }
    },
  });
  const signals = catchSignals(() => {
    progress.log("finishing this step and saving; press again to stop at once");
    launched.stop();
  });
  try {
    const [result] = await launched.results;
    progress.stop();
    if (result.kind === "stopped") {
      printStopped(result.step, signals.asked() ?? "SIGINT", path);
      report.interrupt(result.step);
    } else {
      const old = await testsOfInit(run, oldTestOptions(devices, options));
      const table = [result.table, ...(old.length > 0 ? [evaluationTable(old)] : [])].join("\n\n");
      print(printableLines(`\n${table}\n\n${result.summary}`));
      const results = [...result.snapshot.results, ...old.map(resultsOf)];
      report.finish({ ...result.snapshot, results });
      print(printableLines(`report: ${report.file}`));
      const steps = nextSteps(path, config, training.texts, await ownFolder(config));
      for (const line of steps) process.stderr.write(printableLines(`${line}\n`));
    }
  } catch (error) {
    if (error instanceof DeviceError) {
      report.fail(error);
      throw withAdvice(error, run, devices);
    }
    await launched.abort();
    throw error;
  } finally {
    progress.stop();
    signals.release();
  }
}

const oldTestOptions = (devices: number, { deadline }: TrainOptions) => ({
  devices,
  deadline: deadlineOf(deadline),
  opening: opening(),
});

/** The tests of the data that the weights of --init come from, after the training. */
const testsOfInit = (
  { path, config, checkpoints }: OwnedRunFolder,
  options: Parameters<typeof testAfter>[3],
): ReturnType<typeof testAfter> => testAfter(path, config, shared(checkpoints.load()!), options);

/** Starts the report of a training. */
const openReport = (job: TrainJob, devices: number, say: (message: string) => void): Promise<LiveReport> =>
  LiveReport.open({
    path: job.run,
    config: job.config,
    session: sessionOf(new Date(), commandLine(process.argv.slice(2)), devices),
    first: job.first,
    say: (warning) => say(`warning: ${warning}`),
  });

function printStopped(step: number, signal: Interruption, path: string): void {
  const how = `resume with: ${resumeCommand(path)}`;
  process.stderr.write(printableLines(`stopped by ${signal} after step ${step}, which is saved; ${how}\n`));
  process.exitCode = exitCodeAfter(signal);
}

/** The error with what to do about it; discards a run that has saved nothing. */
function withAdvice(error: DeviceError, run: OwnedRunFolder, devices: number): DeviceError {
  const advised = (how: string) => new DeviceError(error.rank, `${error.message}\n${how}`, { cause: error.cause });
  if ((error.cause as Error | undefined)?.name === OutOfMemoryError.name) {
    run.discard();
    return advised(`${remedyFor(run.config, devices)}; a run keeps its shards, so start a new one`);
  }
  const code = exitCodeOf(error);
  const isResumable = code === EXIT.workerDied || code === EXIT.nonFinite || code === EXIT.io;
  if (!isResumable || run.discard()) return error;
  return advised(howToGoOn(run, configDigest(run.config), code === EXIT.nonFinite));
}
