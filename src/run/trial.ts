/** How long a run takes, estimated from a trial. */
import type { Config } from "./config.ts";
import { lossOf } from "./model.ts";
import type { TrialResult } from "./trialDevice.ts";

/**
 * Seconds of all steps of a run. Where the trial had fewer pairs than a batch of the run, the time grows with the pairs, and the
 * loss, which compares all with all, with their square: 6·d operations for each of those, at the rate of the trial.
 */
export function trainingSeconds(config: Config, { batch: tried, seconds, flops }: TrialResult): number {
  const { batch, steps } = config.train;
  const more =
    config.train.objective === "classify"
      ? 0
      : 6 * config.model.embedDim * lossOf(config).views * batch * (batch - tried);
  return steps * ((seconds * batch) / tried + (more * seconds) / flops);
}
