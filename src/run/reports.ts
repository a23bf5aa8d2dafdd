/** Reports that another process than the training writes: of one run with its newest checkpoint, or of several runs. */
import { countParameters } from "../nn/index.ts";
import { alone } from "../parallel/index.ts";
import type { RunStatus } from "../report/index.ts";
import { classTask } from "./classTask.ts";
import type { Config } from "./config.ts";
import type { Opening } from "./dataSet.ts";
import { openClasses, openTraining } from "./dataSets.ts";
import { firstRows, openRunPairs } from "./firstBatch.ts";
import { isInUse } from "./lock.ts";
import { resultsOf } from "./modelSnapshot.ts";
import { testAfter } from "./oldTests.ts";
import { pageScript } from "./pageScript.ts";
import { pairTask } from "./pairTask.ts";
import { RunFolderError, readRun } from "./runFolder.ts";
import { openRunToRead } from "./runModel.ts";
import { comparisonOf, type ReportedRun, reportOf } from "./runReport.ts";
import type { TaskOptions } from "./task.ts";
import { restore, shared, tokenizerOf } from "./trainingState.ts";

/**
 * The report of a run as HTML; its newest checkpoint is evaluated on all test sets. Throws `RunFolderError` if there is none yet,
 * `DataError` if the data of the run is not there.
 */
export async function reportRun(path: string, opening: Opening, warn: (message: string) => void): Promise<string> {
  const { config, checkpoint } = openRunToRead(path, warn);
  const tokenizer = tokenizerOf(checkpoint);
  const { pairs } = await openTraining(config, opening);
  const classes = config.train.objective === "classify" ? await openClasses(config, opening) : undefined;
  const options: TaskOptions = { config, tokenizer, comm: alone, alive: () => {}, opening };
  const { model, loss, results } = classes ? await classTask(options, classes) : await pairTask(options);
  restore(checkpoint, model);
  const { snapshot } = (await results(() => {}))!; // this is rank 0
  const old = await testAfter(path, config, shared(checkpoint), { devices: 1, opening });
  const { renderReport } = await import("../report/index.ts");
  const data = reportOf({
    path,
    config,
    status: statusOf(path, config, checkpoint.step),
    parameters: countParameters(model),
    blindLoss: loss.blindLoss(config.train.batch),
    snapshot: {
      step: checkpoint.step,
      ...snapshot,
      results: [...snapshot.results, ...old.map(resultsOf)],
    },
    firstBatch: firstRows(await openRunPairs({ ...pairs, tokenizer: tokenizer.toJSON() }, config), config, tokenizer),
  });
  return renderReport(data, pageScript());
}

const MOST = 8; // runs that can be told apart in a chart

/** Several runs beside each other as HTML, from their files alone. Throws `RunFolderError` if they are too many. */
export async function compareRuns(paths: readonly string[]): Promise<string> {
  if (paths.length > MOST)
    throw new RunFolderError(`${paths.length} runs cannot be told apart in one chart; compare at most ${MOST}`);
  const { renderComparison } = await import("../report/index.ts");
  const runs = paths.map((path): ReportedRun => {
    const { config, checkpoints } = readRun(path);
    return { path, config, status: statusOf(path, config, checkpoints.newestStep) };
  });
  return renderComparison(comparisonOf(runs), pageScript());
}

/** The state of a run whose newest checkpoint is that of `saved` steps. It is never renewed: the training writes its own report. */
function statusOf(path: string, { train: { steps } }: Config, saved = 0): RunStatus {
  const [done, all] = [saved, steps].map((each) => each.toLocaleString("en"));
  const text =
    saved >= steps
      ? `Finished: ${all} steps.`
      : `${isInUse(path) ? "Running" : "Stopped"}: ${done} of ${all} steps are saved.`;
  return { isRunning: false, text };
}
