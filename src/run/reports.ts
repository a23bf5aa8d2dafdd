/** Reports that another process than the training writes: of one run with its newest checkpoint, or of several runs. */
import type { RunStatus } from "../report/index.ts";
import { parameterCount } from "../siglip/index.ts";
import { type Config, modelConfig } from "./config.ts";
import type { Opening } from "./dataSet.ts";
import { openProbe, openTests, openTraining } from "./dataSets.ts";
import { type Embedder, evaluateAll } from "./evaluation.ts";
import { firstRows, openRunPairs } from "./firstBatch.ts";
import { isInUse } from "./lock.ts";
import { snapshotOf } from "./modelSnapshot.ts";
import { pageScript } from "./pageScript.ts";
import { probe } from "./probe.ts";
import { RunFolderError, readRun } from "./runFolder.ts";
import { modelOf, openRunToRead } from "./runModel.ts";
import { comparisonOf, type ReportedRun, reportOf } from "./runReport.ts";

/**
 * The report of a run as HTML; its newest checkpoint is evaluated on all test sets. Throws `RunFolderError` if there is none yet,
 * `DataError` if the data of the run is not there.
 */
export async function reportRun(path: string, opening: Opening, warn: (message: string) => void): Promise<string> {
  const { config, checkpoint } = openRunToRead(path, warn);
  const { model, tokenizer } = modelOf(config, checkpoint);
  const { pairs } = await openTraining(config, opening);
  const tests = await openTests(config, opening);
  const embedder: Embedder = { model, tokenizer, length: config.tokenizer.length };
  const { sets, evaluations } = evaluateAll(embedder, tests, config.train);
  const probed = probe(embedder, await openProbe(config, { ...opening, ...tests.shared }));
  const { step } = checkpoint;
  const shown = { step, config, model, set: sets[0], evaluations, ...(probed ? { probe: probed } : {}) };
  const { renderReport } = await import("../report/index.ts");
  const data = reportOf({
    path,
    config,
    status: statusOf(path, config, step),
    parameters: parameterCount(modelConfig(config, tokenizer.vocabSize)).total,
    snapshot: snapshotOf(shown),
    firstBatch: firstRows(await openRunPairs(pairs, config), config, tokenizer),
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
