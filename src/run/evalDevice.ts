/** The program of the devices that `siglip eval` starts. */
import { runDevice } from "../parallel/launch.ts";
import type { Config } from "./config.ts";
import type { Tests } from "./dataSet.ts";
import { openProbe, openTests } from "./dataSets.ts";
import { type Evaluation, evaluateAll } from "./evaluation.ts";
import { type ComparedProbe, pixelProbe, probe } from "./probe.ts";
import { modelOf } from "./runModel.ts";
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
  readonly evaluations: readonly Evaluation[];
  /** Rank 0's, if asked for. */
  readonly probe: ComparedProbe | undefined;
}

runDevice<EvalJob, EvalResult>(async ({ comm, config: { config, stored, opened, probes }, alive }) => {
  const { model, tokenizer } = modelOf(config, stored);
  const embedder = { model, tokenizer, length: config.tokenizer.length, comm, alive };
  const opening = { progress: alive, ...opened };
  const { evaluations } = evaluateAll(embedder, await openTests(config, opening), config.train);
  const data = probes ? await openProbe(config, opening) : undefined;
  if (!data) return { evaluations, probe: undefined };
  const probed = probe(embedder, data);
  return { evaluations, probe: probed && { ...probed, pixels: pixelProbe(data) } };
});
