/** The program of the devices that `siglip eval` starts. */
import type { RenderedPictures } from "../data/index.ts";
import { runDevice } from "../parallel/launch.ts";
import type { Config } from "./config.ts";
import { openProbe, openTests } from "./dataSets.ts";
import { type Evaluation, evaluateAll } from "./evaluation.ts";
import { modelOf } from "./openModel.ts";
import { type ComparedProbe, pixelProbe, probe } from "./probe.ts";
import type { Stored } from "./trainingState.ts";

/** The job of `evalProgram`. */
export interface EvalJob {
  readonly config: Config;
  readonly stored: Stored;
  readonly rendered: RenderedPictures | undefined;
  /** Whether to run the few-shot probe too. */
  readonly probes: boolean;
}

/** The result of `evalProgram`. */
export interface EvalResult {
  readonly evaluations: readonly Evaluation[];
  /** Rank 0's, if asked for. */
  readonly probe: ComparedProbe | undefined;
}

runDevice<EvalJob, EvalResult>(async ({ comm, config: { config, stored, rendered, probes }, alive }) => {
  const { model, tokenizer } = modelOf(config, stored);
  const embedder = { model, tokenizer, length: config.tokenizer.length, comm };
  const opening = { progress: alive, rendered };
  const { evaluations } = evaluateAll(embedder, await openTests(config, opening), config.train);
  if (!probes) return { evaluations, probe: undefined };
  const data = await openProbe(config, opening);
  const probed = probe(embedder, data);
  return { evaluations, probe: probed && { ...probed, pixels: pixelProbe(data) } };
});
