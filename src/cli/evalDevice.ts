/** The program of the devices that `siglip eval` starts. */
import { runDevice } from "../parallel/launch.ts";
import type { Config } from "./config.ts";
import { type Evaluation, evaluateAll } from "./evaluate.ts";
import { modelOf } from "./openModel.ts";
import type { Stored } from "./state.ts";
import { openTests } from "./task.ts";

export interface EvalJob {
  readonly config: Config;
  readonly stored: Stored;
}

runDevice<EvalJob, readonly Evaluation[]>(async ({ comm, config: { config, stored }, alive }) => {
  const { model, tokenizer } = modelOf(config, stored);
  const tests = await openTests(config, alive, comm.rank === 0);
  return evaluateAll({ model, tokenizer, length: config.tokenizer.length, comm }, tests).evaluations;
});
