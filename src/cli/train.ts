/**
 * `siglip train`, as the main thread sees it: it opens the run folder and the data, starts the devices and, where a core is
 * free, the thread that prepares batches, draws progress, and passes on Ctrl-C. It never waits for a device; the work is in
 * trainDevice.ts.
 */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { newSharedRows, openBatchStream } from "../data/index.ts";
import { DeviceError } from "../parallel/index.ts";
import { launch, threadFile } from "../parallel/launch.ts";
import { parameterCount } from "../siglip/index.ts";
import { chooseKernels, kernelReport, OutOfMemoryError } from "../tensor/index.ts";
import { type Config, ConfigError, checkBatch, configDifferences, modelConfig, resolveConfig } from "./config.ts";
import { deadlineOf, defaultShards, devicesThatShare } from "./devices.ts";
import { EXIT, exitCodeOf } from "./exitCodes.ts";
import { checkMemory, fitsOn, fittingShards, remedyFor, runBytes } from "./memory.ts";
import { rewindMetrics } from "./metrics.ts";
import { checkSchedule, checkSettings } from "./preflight.ts";
import { print, printableLines, warn } from "./print.ts";
import { startProgress } from "./progress.ts";
import { showRendering } from "./rendering.ts";
import {
  configDigest,
  createNextRun,
  createRun,
  type OwnedRunFolder,
  RunFolderError,
  refuseIfUsed,
  resumeRun,
} from "./runFolder.ts";
import { catchSignals } from "./signals.ts";
import { openTokenizer, openTraining, type Training, testedPictures } from "./task.ts";
import type { TrainJob, TrainReport, TrainResult } from "./trainDevice.ts";

export interface TrainOptions {
  readonly preset: string;
  readonly out?: string;
  readonly seed?: string;
  readonly devices?: string;
  readonly deadline?: string;
  readonly batch?: string;
  readonly shards?: string;
  readonly kernels?: string;
  readonly set: readonly string[];
  readonly resume?: boolean;
  readonly verify?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
}

/** Steps between two comparisons of the devices: what they cost is lost in the time of so many. */
const COMPARE_EVERY = 100;

export async function train(options: TrainOptions): Promise<void> {
  const { preset, out, resume = false } = options;
  deadlineOf(options.deadline); // refused before anything is done
  if (options.dryRun) return dryRun(options);
  let run = resume ? openResumed(options) : undefined;
  try {
    const { config, devices } = run ? withDevices(run.config, options) : resolve(options);
    if (!run) checkMemory(config, devices); // a run that has begun fits
    // Before pictures are rendered, which takes a while.
    if (!run && out !== undefined && existsSync(out)) refuseIfUsed(out);
    for (const warning of checkSettings(config, resume)) warn(warning);
    chooseKernels(config.train.kernels);
    for (const warning of kernelReport().warnings) warn(warning);
    const { items } = await openTokenizer(config);
    checkBatch(config, items);
    for (const warning of checkSchedule(config, items)) warn(warning);
    const training = await openTraining(config, showRendering());
    // Only now: what was refused leaves no folder.
    const now = new Date();
    run ??= out === undefined ? createNextRun("runs", preset, config, now) : createRun(out, config, now);
    await trainRun(run, training, devices, options);
  } finally {
    run?.release();
  }
}

/** Options that stand for one key each. */
function settingsOf({ set, seed, batch, shards, kernels }: TrainOptions): string[] {
  const short = { seed, batch, shards, kernels };
  return [
    ...set,
    ...Object.entries(short).flatMap(([key, value]) => (value === undefined ? [] : [`train.${key}=${value}`])),
  ];
}

/** A configuration, and how many devices share its shards. */
interface Plan {
  readonly config: Config;
  readonly devices: number;
}

const withDevices = (config: Config, { devices }: TrainOptions): Plan => ({
  config,
  devices: devicesThatShare(devices, config.train.shards, `train.shards ${config.train.shards}`),
});

const setsShards = (setting: string): boolean => /^\s*train\.shards\s*=/.test(setting);

function resolve(options: TrainOptions): Plan {
  const { preset } = options;
  const settings = settingsOf(options);
  if (settings.some(setsShards)) return withDevices(resolveConfig(preset, settings), options);
  // Nobody has said how to cut the batch: read how large it is, uncut, and cut it for the devices.
  const uncut = resolveConfig(preset, [...settings, "train.shards=1"]);
  const { batch } = uncut.train;
  const devices = devicesThatShare(options.devices, batch, `a batch of ${batch}`, (count) => fitsOn(uncut, count));
  const shards = fittingShards(uncut, devices, defaultShards(batch, devices));
  return { config: resolveConfig(preset, [...settings, `train.shards=${shards}`]), devices };
}

/** The run to go on with. */
function openResumed(options: TrainOptions): OwnedRunFolder {
  const { preset, out } = options;
  if (out === undefined) throw new RunFolderError("--resume needs --out, the folder of the run to go on with");
  const run = resumeRun(out, new Date());
  try {
    const settings = settingsOf(options);
    const asked = [...settings, ...(settings.some(setsShards) ? [] : [`train.shards=${run.config.train.shards}`])];
    if (settings.length > 0) refuseOtherConfig(run.config, resolveConfig(preset, asked));
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

/** Says what a new run would be, and writes nothing. */
async function dryRun(options: TrainOptions): Promise<void> {
  if (options.resume) throw new RunFolderError("--dry-run tells what a new run would take; leave out --resume");
  const { config, devices } = resolve(options);
  checkMemory(config, devices);
  const warnings = checkSettings(config, false);
  const { tokenizer, items } = await openTokenizer(config);
  checkBatch(config, items);
  for (const warning of [...warnings, ...checkSchedule(config, items)]) warn(warning);
  const { steps, shards } = config.train;
  const parameters = parameterCount(modelConfig(config, tokenizer.vocabSize)).total;
  const memoryBytes = runBytes(config, devices, testedPictures(config, items, devices));
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

async function trainRun(
  run: OwnedRunFolder,
  training: Training,
  devices: number,
  { preset, deadline, verify = false }: TrainOptions,
): Promise<void> {
  const { config, path } = run;
  const { seed, steps, batch } = config.train;
  const { imageSize: side } = config.model.image;
  const { length } = config.tokenizer;
  const digest = configDigest(config);

  const before = run.checkpoints.load(digest);
  for (const warning of before?.warnings ?? []) warn(warning);
  const first = before?.step ?? 0;
  rewindMetrics(path, first);

  // A thread that prepares batches ahead wants a core of its own. Where devices have taken all, it would stop one of them
  // again and again, and the others would wait; so they draw the rows themselves, while they wait for each other.
  const hasCore = devices < availableParallelism();
  const stream = hasCore ? await openBatchStream(training.pairs, { seed, batch, first, readers: devices }) : undefined;
  const progress = startProgress({ steps, batch });
  const job: TrainJob = {
    run: path,
    preset,
    digest,
    first,
    compareEvery: verify ? 1 : COMPARE_EVERY,
    tokenizer: training.tokenizer.toJSON(),
    items: training.items,
    pairs: training.pairs,
    batches: stream ? { ahead: stream.slots } : { shared: newSharedRows(batch, side, length) },
  };
  const launched = launch<TrainJob, TrainResult, TrainReport>(
    threadFile("./trainDevice", import.meta.url),
    devices,
    job,
    {
      deadline: deadlineOf(deadline),
      verify,
      onReport: (report) => {
        if (report.kind === "step") progress.update(report);
        else progress.log(printableLines(report.message));
      },
    },
  );
  const signals = catchSignals(() => {
    progress.log("finishing a step and saving; again to stop at once");
    launched.stop();
  });
  try {
    const [result] = await Promise.race([launched.results, ...(stream ? [stream.failed] : [])]);
    progress.stop();
    if (result.kind === "stopped") {
      const how = `siglip train --resume --out ${path}`;
      process.stderr.write(
        printableLines(`stopped by ${signals.asked()} after step ${result.step}; go on with: ${how}\n`),
      );
      process.exitCode = signals.asked() === "SIGTERM" ? EXIT.terminated : EXIT.interrupted;
    } else {
      print(printableLines(`\n${result.table}\n\n${result.summary}\nreport: ${result.report}`));
    }
  } catch (error) {
    if (!(error instanceof DeviceError)) {
      await launched.abort();
      throw error;
    }
    if ((error.cause as Error | undefined)?.name === OutOfMemoryError.name) {
      const how = `${remedyFor(config, devices)}; a run keeps its shards, so start a new one`;
      throw new DeviceError(error.rank, `${error.message}\n${how}`, { cause: error.cause });
    }
    if (exitCodeOf(error) !== EXIT.workerDied) throw error;
    throw new DeviceError(error.rank, `${error.message}\n${howToGoOn(run, digest)}`, { cause: error.cause });
  } finally {
    progress.stop();
    signals.release();
    await stream?.close();
  }
}

/** What is left of a run whose devices failed. */
function howToGoOn({ checkpoints, path }: OwnedRunFolder, digest: string): string {
  const how = `siglip train --resume --out ${path}`;
  try {
    const saved = checkpoints.load(digest);
    if (!saved) return `nothing was saved before; begin again with: ${how}`;
    return `the checkpoint of step ${saved.step} is whole; go on with: ${how}`;
  } catch (error) {
    return (error as Error).message;
  }
}
