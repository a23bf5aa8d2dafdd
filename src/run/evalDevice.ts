/** The program of the devices that `siglip eval` starts. */
import { runDevice } from "../parallel/launch.ts";
import type { AccuracyTable } from "../report/index.ts";
import { testClassifier } from "./classAccuracy.ts";
import type { Config } from "./config.ts";
import type { ProbeData, Tests } from "./dataSet.ts";
import { openLabelled, openProbe, openTests } from "./dataSets.ts";
import { type Evaluation, evaluateAll } from "./evaluation.ts";
import type { TrainedModel } from "./model.ts";
import { type ComparedProbe, pixelProbe, probe } from "./probe.ts";
import { classifierOf, modelOf } from "./runModel.ts";
import type { Stored } from "./trainingState.ts";

/** The job of `evalProgram`. */
export interface EvalJob {
  readonly config: Config;
  readonly stored: Stored;
  /** What the main thread has rendered or read. */
  readonly opened: Tests["shared"];
  /** Whether to run the few-shot probe too. */
  readonly probes: boolean;
}

/** The result of `evalProgram`. */
export interface EvalResult {
  /** Retrieval; none of a classifier. */
  readonly evaluations: readonly Evaluation[];
  /** Only of a classifier. */
  readonly accuracies: readonly AccuracyTable[];
  /** Rank 0's, if asked for. */
  readonly probe: ComparedProbe | undefined;
}

runDevice<EvalJob, EvalResult>(async ({ comm, config: { config, stored, opened, probes }, alive }) => {
  const opening = { progress: alive, ...opened };
  const probeOf = (model: TrainedModel, data: ProbeData): ComparedProbe | undefined => {
    const probed = probe(model, data, comm);
    return probed && { ...probed, pixels: pixelProbe(data) };
  };
  if (config.train.objective === "classify") {
    const model = classifierOf(config, stored);
    const data = await openLabelled(config, opening);
    const accuracies = testClassifier(model, data, comm);
    return { evaluations: [], accuracies, probe: probes ? probeOf(model, data) : undefined };
  }
  const { model, tokenizer } = modelOf(config, stored);
  const embedder = { model, tokenizer, length: config.tokenizer.length, comm, alive };
  const { evaluations } = evaluateAll(embedder, await openTests(config, opening), config.train);
  const data = probes ? await openProbe(config, opening) : undefined;
  return { evaluations, accuracies: [], probe: data && probeOf(model, data) };
});
