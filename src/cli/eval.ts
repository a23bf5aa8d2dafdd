/** `siglip eval`: zero-shot retrieval with the newest checkpoint of a run, and the few-shot probe of its image tower. */
import { launch } from "../parallel/launch.ts";
import {
  accuracyJson,
  accuracyTable,
  classifierOf,
  type EvalJob,
  type EvalResult,
  evalProgram,
  evaluationJson,
  evaluationTable,
  modelOf,
  openProbe,
  openRunToRead,
  openTests,
  probeJson,
  probeTable,
  shared,
  testAfter,
} from "../run/index.ts";
import { chooseKernels, type KernelMode } from "../tensor/index.ts";
import { deadlineOf, deviceCount } from "./devices.ts";
import { opening } from "./opening.ts";
import { print, warn } from "./print.ts";
import { usageError } from "./usageError.ts";

export interface EvalOptions {
  readonly json?: boolean;
  readonly probe?: boolean;
  readonly devices?: string;
  readonly deadline?: string;
  readonly kernels?: KernelMode;
}

export async function evaluate(
  run: string,
  { json = false, probe: probes = false, ...options }: EvalOptions,
): Promise<void> {
  const devices = deviceCount(options.devices);
  const deadline = deadlineOf(options.deadline);
  const { config, checkpoint } = openRunToRead(run, warn);
  const { step } = checkpoint;
  chooseKernels(options.kernels ?? config.train.kernels);
  const classifies = config.train.objective === "classify";
  if (classifies) classifierOf(config, checkpoint);
  else modelOf(config, checkpoint); // an invalid model is rejected here, before any thread starts
  const { shared: opened } = await openTests(config, opening());
  if (probes && (await openProbe(config, opening())) === undefined) {
    const detail = `--probe needs classes, and the data set ${config.data.name} has none; leave it out`;
    throw usageError("--probe", detail);
  }
  // A training may save meanwhile: all devices evaluate this checkpoint.
  const job: EvalJob = { config, stored: shared(checkpoint), opened, probes };
  const { results } = launch<EvalJob, EvalResult>(evalProgram, devices, job, { deadline });
  const [{ evaluations: own, accuracies, probe }] = await results;
  const evaluations = [
    ...own,
    ...(await testAfter(run, config, job.stored, { devices, deadline, opening: opening() })),
  ];
  if (json) {
    const tests = classifies ? accuracies.map(accuracyJson) : evaluations.map(evaluationJson);
    print(
      JSON.stringify({
        ...tests[0],
        step,
        tests,
        others: tests.slice(1),
        ...(probe ? { probe: probeJson(probe) } : {}),
      }),
    );
  } else {
    const tables = [
      classifies ? accuracyTable(accuracies) : evaluationTable(evaluations),
      ...(probe ? [probeTable(probe)] : []),
    ];
    print([`${run}, step ${step}`, ...tables].join("\n\n"));
  }
}
