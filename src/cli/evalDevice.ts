/** The program of the devices that `siglip eval` starts. */
import type { RenderedPictures } from "../data/index.ts";
import { runDevice } from "../parallel/launch.ts";
import { type Evaluation, evaluateAll } from "./evaluate.ts";
import { openModel } from "./openModel.ts";
import { openTests } from "./task.ts";

export interface EvalJob {
  readonly run: string;
  readonly rendered: RenderedPictures | undefined;
}

runDevice<EvalJob, readonly Evaluation[]>(async ({ comm, config: { run, rendered }, alive }) => {
  const { config, model, tokenizer } = openModel(run, () => {}); // the main thread has warned
  const tests = await openTests(config, alive, { rendered, wantsKnown: comm.rank === 0 });
  return evaluateAll({ model, tokenizer, length: config.tokenizer.length, comm }, tests).evaluations;
});
