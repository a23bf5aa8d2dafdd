/** `siglip train --dry-run`: the size of a run, an estimate of its time from a trial, and the files that it would write. */
import { join } from "node:path";
import { launch } from "../parallel/launch.ts";
import {
  type Config,
  classifierConfig,
  type FilesSummary,
  filesSummaryText,
  imageUse,
  modelConfig,
  runBytes,
  runFiles,
  showTime,
  type TrialJob,
  type TrialResult,
  trainingSeconds,
  trialProgram,
} from "../run/index.ts";
import { classifierParameters, parameterCount } from "../siglip/index.ts";
import { startWaiting } from "./elapsed.ts";
import { print, printableLines } from "./print.ts";

export interface DryRun {
  readonly config: Config;
  readonly devices: number;
  readonly deadline: number;
  readonly vocabSize: number;
  /** With train.objective=classify. */
  readonly classes: number | undefined;
  /** Texts to train on, and those that are longer than the model reads; absent with train.objective=classify. */
  readonly texts?: number;
  readonly cutTexts?: number;
  /** The folder of the run. */
  readonly path: string;
  readonly json: boolean;
  /** What was understood of the user's images. */
  readonly data: FilesSummary | undefined;
  /** Whether the run is also tested on the data that its weights come from. */
  readonly hasOldTests: boolean;
}

const mib = (bytes: number): string => {
  const size = bytes / 2 ** 20;
  return `${size < 10 ? size.toPrecision(2) : Math.round(size)} MiB`;
};

/** Trains a few steps on random rows, and prints what a run would be. */
export async function printDryRun(dry: DryRun): Promise<void> {
  const { config, devices, deadline, path, json, data, hasOldTests, texts, cutTexts, ...sizes } = dry;
  const stopWaiting = startWaiting("timing some steps");
  const trial = await launch<TrialJob, TrialResult>(trialProgram, devices, { config, ...sizes }, { deadline })
    .results.then(([first]) => first)
    .finally(stopWaiting);
  const { steps, shards } = config.train;
  const { vocabSize, classes } = sizes;
  const { total: parameters } =
    classes === undefined
      ? parameterCount(modelConfig(config, vocabSize))
      : classifierParameters(classifierConfig(config, classes));
  const memoryBytes = runBytes(config, devices);
  const seconds = trainingSeconds(config, trial);
  const { checkpointBytes } = trial;
  const written = runFiles({ hasEmbeddings: imageUse(config) === "embedded", hasOldTests });
  const files = written.map(([name, what]) => [join(path, name), what] as const);
  if (json) {
    const names = files.map(([name]) => name);
    const run = {
      ...(texts === undefined ? {} : { texts, cutTexts }),
      parameters,
      memoryBytes,
      steps,
      devices,
      shards,
      seconds,
      checkpointBytes,
      files: names,
    };
    print(JSON.stringify({ ...(data ? { data } : {}), ...run }));
    return;
  }
  if (data) print(`${printableLines(filesSummaryText(data))}\n`);
  if (texts !== undefined) {
    const cut = cutTexts
      ? `, ${cutTexts.toLocaleString("en")} longer than the ${config.tokenizer.length - 1} tokens that are read`
      : "";
    print(`texts        ${texts.toLocaleString("en")}${cut}`);
  }
  print(`parameters   ${parameters.toLocaleString("en")}`);
  print(`memory       about ${mib(memoryBytes)}`);
  print(`steps        ${steps.toLocaleString("en")}`);
  print(`devices      ${devices}`);
  print(`shards       ${shards}`);
  print(
    `time         about ${showTime(seconds)} for the steps, by ${timed(trial)} random ${classes === undefined ? "pairs" : "pictures"}; data, evaluation and report come on top`,
  );
  print(`checkpoint   ${mib(checkpointBytes)} each`);
  print("files");
  const width = Math.max(...files.map(([name]) => name.length));
  for (const [name, what] of files) print(printableLines(`  ${name.padEnd(width)}  ${what}`));
}

function timed({ steps, batch }: TrialResult): string {
  return `${steps === 1 ? "a step" : `${steps} steps`} of ${batch.toLocaleString("en")}`;
}
