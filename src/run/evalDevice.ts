/** The program of the devices that `siglip eval` starts. */
import type { RenderedPictures } from "../data/index.ts";
import { runDevice } from "../parallel/launch.ts";
import type { Config } from "./config.ts";
import { openTests } from "./dataSets.ts";
import { type Evaluation, evaluateAll } from "./evaluation.ts";
import { modelOf } from "./openModel.ts";
import type { Stored } from "./trainingState.ts";

/** The job of `evalProgram`. */
export interface EvalJob {
  readonly config: Config;
  readonly stored: Stored;
  readonly rendered: RenderedPictures | undefined;
}

runDevice<EvalJob, readonly Evaluation[]>(async ({ comm, config: { config, stored, rendered }, alive }) => {
  const { model, tokenizer } = modelOf(config, stored);
  const tests = await openTests(config, { progress: alive, rendered });
  return evaluateAll({ model, tokenizer, length: config.tokenizer.length, comm }, tests).evaluations;
});
