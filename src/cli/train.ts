/**
 * `siglip train`, the main thread: it opens the run folder and the data, starts the devices, draws progress, and forwards
 * Ctrl-C. It never blocks on a device; the training itself is in trainDevice.ts.
 */
import { join } from "node:path";
import { newSharedRows, type Tokenizer } from "../data/index.ts";
import { DeviceError } from "../parallel/index.ts";
import { launch } from "../parallel/launch.ts";
import {
  buildSchedules,
  type Config,
  ConfigError,
  checkBatch,
  checkMemory,
  checkRunPath,
  checkSchedule,
  checkSettings,
  configDifferences,
  configDigest,
  createNextRun,
  createRun,
  fitsOn,
  fittingShards,
  imageShapeOf,
  initialCheckpoint,
  keptTokenizer,
  metricsOf,
  modelConfig,
  type OwnedRunFolder,
  openRun,
  openStartingWeights,
  openTraining,
  openVocabulary,
  RunFolderError,
  remedyFor,
  requireFinite,
  requireFit,
  resolveConfig,
  resumeRun,
  rewindMetrics,
  runBytes,
  type StartingWeights,
  type Stored,
  shared,
  type TrainingData,
  type TrainJob,
  type TrainReport,
  type TrainResult,
  tokenizerOf,
  trainProgram,
  withSettings,
  writeConfig,
} from "../run/index.ts";
import { parameterCount } from "../siglip/index.ts";
import { chooseKernels, kernelReport, OutOfMemoryError } from "../tensor/index.ts";
import { deadlineOf, defaultShards, devicesThatShare } from "./devices.ts";
import { EXIT, exitCodeOf } from "./exitCodes.ts";
import { embeddingsOf, openLockedImages } from "./lockedImages.ts";
import { opening } from "./opening.ts";
import { print, printableLines, warn } from "./print.ts";
import { startProgress } from "./progress.ts";
import { howToGoOn, resumeCommand } from "./recovery.ts";
import { catchSignals, exitCodeAfter, type Interruption } from "./signals.ts";

export interface TrainOptions {
  readonly preset?: string;
  readonly out?: string;
  readonly seed?: string;
  readonly devices?: string;
  readonly deadline?: string;
  readonly batch?: string;
  readonly shards?: string;
  readonly kernels?: string;
  readonly set: readonly string[];
  readonly init?: string;
  readonly lock?: string;
  readonly embeddings?: string;
  readonly resume?: boolean;
  readonly verify?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Parent folder of runs without --out. */
const RUNS = "runs";

/** Steps between two comparisons of the devices: often enough, at a negligible cost. */
const COMPARE_EVERY = 100;

const DEFAULT_PRESET = "emoji";

/** A run that this process may write to, and its starting point. */
interface Start {
  readonly run: OwnedRunFolder;
  /** Undefined if nothing was saved yet. */
  readonly stored?: Stored | undefined;
  /** The configuration of the completed steps. */
  readonly before: Config;
}

export async function train(options: TrainOptions): Promise<void> {
  const { preset = DEFAULT_PRESET, out, resume = false } = options;
  deadlineOf(options.deadline); // reject an invalid one before any work
  const from = startingWeightsOf(options);
  if (options.dryRun) return dryRun(options, from);
  let start = resume ? openResumed(options) : undefined;
  try {
    const { config, devices } = start ? withDevices(start.run.config, options) : resolve(options, from);
    if (!start) {
      checkMemory(config, devices); // a resumed run fits
      // Before rendering pictures, which takes a while.
      checkRunPath(out ?? join(RUNS, `.${process.pid}`));
    }
    for (const warning of checkSettings(config, resume)) warn(warning);
    chooseKernels(config.train.kernels);
    for (const warning of kernelReport().warnings) warn(warning);
    const { items } = await openVocabulary(config);
    checkBatch(config, items);
    for (const warning of checkSchedule(config, items)) warn(warning);
    const training = await openTraining(config, opening());
    const initial = from && initialCheckpoint(config, from, tokenizerFor(config, from, training.tokenizer));
    const stored = initial ? shared(initial) : start?.stored;
    const locked = await openLockedImages(config, stored, training.pairs, options.embeddings);
    if (start) changeConfig(start, training.items);
    // Only now, so that a rejected run leaves no folder.
    const now = new Date();
    const made = (): OwnedRunFolder =>
      out === undefined ? createNextRun(RUNS, preset, config, now) : createRun(out, config, now);
    start ??= { run: made(), before: config, stored };
    if (initial) start.run.checkpoints.save(initial, configDigest(config));
    const { run } = start;
    const deadline = deadlineOf(options.deadline);
    const embeddings = locked && (await embeddingsOf(run, locked, training.pairs, devices, deadline));
    if (typeof embeddings === "string") printStopped(stored?.step ?? 0, embeddings, run.path);
    else await trainRun(start, training, embeddings, devices, options);
  } catch (error) {
    start?.run.discard();
    throw error;
  } finally {
    start?.run.release();
  }
}

/** The weights of --init. */
function startingWeightsOf({ init, embeddings, resume = false }: TrainOptions): StartingWeights | undefined {
  const given = init !== undefined ? "init" : embeddings !== undefined ? "embeddings" : undefined;
  if (resume && given) {
    throw refusal(`--${given}`, `--${given} is for a new run; a resumed run has its own: leave it out`);
  }
  return init === undefined ? undefined : openStartingWeights(init, warn);
}

/** The tokenizer of a new run: that of its starting weights, or the data's. */
const tokenizerFor = (config: Config, from: StartingWeights | undefined, ofData: Tokenizer): Tokenizer =>
  (from && keptTokenizer(config, from)) ?? ofData;

/** The settings of --set, and of the options that are short for one key each. */
function settingsOf({ set, seed, batch, shards, kernels, lock }: TrainOptions): string[] {
  const short = { seed, batch, shards, kernels, lock };
  return [
    ...set,
    ...Object.entries(short).flatMap(([key, value]) => (value === undefined ? [] : [`train.${key}=${value}`])),
  ];
}

/** A configuration, and the number of devices that share its shards. */
interface Plan {
  readonly config: Config;
  readonly devices: number;
}

const withDevices = (config: Config, { devices }: TrainOptions): Plan => ({
  config,
  devices: devicesThatShare(devices, config.train.shards, `train.shards ${config.train.shards}`),
});

const setsShards = (setting: string): boolean => /^\s*train\.shards\s*=/.test(setting);

function resolve(options: TrainOptions, from: StartingWeights | undefined): Plan {
  const { preset = DEFAULT_PRESET } = options;
  const settings = settingsOf(options);
  const resolved = (more: readonly string[]): Config => {
    const config = resolveConfig(preset, [...settings, ...more], from);
    if (from) requireFit(config, from);
    return config;
  };
  if (settings.some(setsShards)) return withDevices(resolved([]), options);
  // No train.shards given: resolve with one shard to get the batch, then choose devices and shards.
  const uncut = resolved(["train.shards=1"]);
  const { batch } = uncut.train;
  const devices = devicesThatShare(options.devices, batch, `a batch of ${batch}`, (count) => fitsOn(uncut, count));
  const shards = fittingShards(uncut, devices, defaultShards(batch, devices));
  return { config: resolved([`train.shards=${shards}`]), devices };
}

/** The run to resume, with its newest checkpoint, and with the changed settings. */
function openResumed(options: TrainOptions): Start {
  const { preset, out } = options;
  if (out === undefined) throw new RunFolderError("--resume needs --out, the folder of the run to resume");
  const run = resumeRun(out, new Date());
  try {
    const before = run.config;
    if (preset !== undefined) refuseOtherPreset(before, preset);
    const config = resumedConfig(before, settingsOf(options));
    const checkpoint = run.checkpoints.load(configDigest(before));
    for (const warning of checkpoint?.warnings ?? []) warn(warning);
    if (checkpoint) requireFinite(checkpoint, out);
    else if (before.train.init !== "none") {
      throw new RunFolderError(`${out} ended before the weights of --init were saved; start it again in a new folder`);
    }
    return {
      run: { ...run, ...openRun(out, config, { damaged: run.checkpoints.damaged }) },
      stored: checkpoint && shared(checkpoint),
      before,
    };
  } catch (error) {
    run.release();
    throw error;
  }
}

const refusal = (key: string, detail: string): ConfigError =>
  new ConfigError([{ code: "CONFIG_COMBINATION", key, detail }]);

function refuseOtherPreset(config: Config, preset: string): void {
  const { name } = resolveConfig(preset, []).data;
  if (name === config.data.name) return;
  throw refusal("preset", `--preset ${preset} trains on ${name}, this run on ${config.data.name}; leave it out`);
}

/** Sections that change no bit of the result. */
const FREE = ["log.", "eval.", "checkpoint."];

/** The configuration of a run with changed settings. Throws `ConfigError` for settings that a run has to keep. */
function resumedConfig(before: Config, settings: readonly string[]): Config {
  const asked = withSettings(before, settings);
  const kept = configDifferences(before, asked).filter(
    ({ key }) => key !== "train.steps" && !FREE.some((section) => key.startsWith(section)),
  );
  if (kept.length > 0) {
    throw new ConfigError(
      kept.map(({ key, from, to }) => ({
        code: "CONFIG_COMBINATION",
        key,
        detail: `${key}: ${from} → ${to}: a resumed run keeps this setting; leave it out, or start a new run`,
      })),
    );
  }
  const begun = before.train.firstSteps || before.train.steps;
  const firstSteps = asked.train.steps === begun ? 0 : begun;
  return { ...asked, train: { ...asked.train, firstSteps } };
}

/**
 * Writes the changed configuration of a resumed run. Throws `ConfigError` if a new number of steps would have changed the
 * learning rate of a completed step: the weights would match neither run.
 */
function changeConfig({ run: { path, config }, before, stored }: Start, items: number): void {
  const [from, to] = [before.train.steps, config.train.steps];
  const done = stored?.step ?? 0;
  if (from !== to) {
    if (to < done) throw refusal("train.steps", `train.steps: ${from} → ${to}: ${done} steps are already done`);
    const stepsPerEpoch = Math.floor(items / config.train.batch);
    const [was, is] = [before, config].map((each) => buildSchedules(each, stepsPerEpoch));
    for (let index = 0; index < done; index++) {
      const factors = is.factors(index);
      const changed = was.factors(index).findIndex((factor, i) => factor !== factors[i]);
      if (changed < 0) continue;
      throw refusal(
        "train.steps",
        `train.steps: ${from} → ${to}: completed steps would have had another learning rate (${is.names[changed]}). A run can be extended if its schedules are constant, rsqrt or stair, their durations are not in %, and no cool-down has begun; otherwise start a new run`,
      );
    }
  }
  if (configDifferences(before, config).length > 0) writeConfig(path, config);
}

/** Prints the size of a new run, and writes nothing. */
async function dryRun(options: TrainOptions, from: StartingWeights | undefined): Promise<void> {
  if (options.resume) throw new RunFolderError("--dry-run is for new runs; leave out --resume");
  const { config, devices } = resolve(options, from);
  checkMemory(config, devices);
  const warnings = checkSettings(config, false);
  const { tokenizer, items } = await openVocabulary(config);
  checkBatch(config, items);
  for (const warning of [...warnings, ...checkSchedule(config, items)]) warn(warning);
  const { steps, shards } = config.train;
  const { vocabSize } = tokenizerFor(config, from, tokenizer);
  const parameters = parameterCount(modelConfig(config, vocabSize)).total;
  const memoryBytes = runBytes(config, devices);
  if (options.json) {
    print(JSON.stringify({ parameters, memoryBytes, steps, devices, shards }));
    return;
  }
  print(`parameters  ${parameters.toLocaleString("en")}`);
  print(`memory      about ${(memoryBytes / 2 ** 20).toFixed(0)} MiB`);
  print(`steps       ${steps.toLocaleString("en")}`);
  print(`devices     ${devices}`);
  print(`shards      ${shards}`);
}

/** What the devices get. */
function jobOf(
  { run: { path, config, checkpoints }, stored }: Start,
  { pairs, tokenizer, items }: TrainingData,
  embeddings: Float32Array | undefined,
  { preset = DEFAULT_PRESET, resume = false, verify = false }: TrainOptions,
): TrainJob {
  // A resumed run keeps its tokenizer.
  const kept = (stored ? tokenizerOf(stored) : tokenizer).toJSON();
  const spec = { ...pairs, tokenizer: kept };
  return {
    run: path,
    config,
    preset: resume ? config.data.name : preset,
    digest: configDigest(config),
    first: stored?.step ?? 0,
    stored,
    damaged: checkpoints.damaged,
    compareEvery: verify ? 1 : COMPARE_EVERY,
    tokenizer: kept,
    items,
    pairs: embeddings && spec.data === "emoji" ? { ...spec, embeddings } : spec,
    rows: newSharedRows(config.train.batch, imageShapeOf(config), config.tokenizer.length),
  };
}

/** Trains on the devices and prints the result. */
async function trainRun(
  start: Start,
  training: TrainingData,
  embeddings: Float32Array | undefined,
  devices: number,
  options: TrainOptions,
): Promise<void> {
  const { run, stored } = start;
  const { path, config } = run;
  rewindMetrics(path, stored?.step ?? 0, undefined, stored && metricsOf(stored));
  const job = jobOf(start, training, embeddings, options);
  const progress = startProgress(config.train);
  const launched = launch<TrainJob, TrainResult, TrainReport>(trainProgram, devices, job, {
    deadline: deadlineOf(options.deadline),
    verify: options.verify ?? false,
    onReport: (report) => {
      if (report.kind === "step") progress.update(report);
      else progress.log(printableLines(report.message));
    },
  });
  const signals = catchSignals(() => {
    progress.log("finishing this step and saving; press again to stop at once");
    launched.stop();
  });
  try {
    const [result] = await launched.results;
    progress.stop();
    if (result.kind === "stopped") printStopped(result.step, signals.asked() ?? "SIGINT", path);
    else print(printableLines(`\n${result.table}\n\n${result.summary}\nreport: ${result.report}`));
  } catch (error) {
    if (error instanceof DeviceError) throw withAdvice(error, run, devices);
    await launched.abort();
    throw error;
  } finally {
    progress.stop();
    signals.release();
  }
}

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
