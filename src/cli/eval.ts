/** `siglip eval`: zero-shot retrieval with the newest checkpoint of a run. */
import { launch, threadFile } from "../parallel/launch.ts";
import { chooseKernels, type KernelMode } from "../tensor/index.ts";
import { deadlineOf, deviceCount } from "./devices.ts";
import type { EvalJob } from "./evalDevice.ts";
import { type Evaluation, evaluationJson, evaluationTable } from "./evaluate.ts";
import { openModel } from "./openModel.ts";
import { print } from "./print.ts";
import { showRendering } from "./rendering.ts";
import { readRun } from "./runFolder.ts";
import { openTests } from "./task.ts";

export interface EvalOptions {
  readonly json?: boolean;
  readonly devices?: string;
  readonly deadline?: string;
  readonly kernels?: KernelMode;
}

export async function evaluate(run: string, { json = false, ...options }: EvalOptions): Promise<void> {
  const { kernels } = options;
  const devices = deviceCount(options.devices);
  const deadline = deadlineOf(options.deadline);
  chooseKernels(kernels ?? readRun(run).config.train.kernels);
  const { config, step } = openModel(run); // a run that cannot be opened is refused here, before any thread starts
  const { rendered } = await openTests(config, showRendering());
  const job: EvalJob = { run, rendered };
  const [evaluations] = await launch<EvalJob, readonly Evaluation[]>(
    threadFile("./evalDevice", import.meta.url),
    devices,
    job,
    { deadline },
  ).results;
  if (json) {
    const [first, ...others] = evaluations.map(evaluationJson);
    print(JSON.stringify({ ...first, step, others }));
  } else {
    print(`${run}, step ${step}\n\n${evaluationTable(evaluations)}`);
  }
}
