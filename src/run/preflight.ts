/** Checks a run before it begins: settings that are impossible, and settings with which nothing is learned. */
import { durationInSteps } from "../nn/index.ts";
import { trainingLosses } from "../siglip/index.ts";
import { type Config, ConfigError, type Problem } from "./config.ts";
import { allPaths, buildSchedule, trainedPaths } from "./model.ts";
import { tryFrozen, tryPatterns } from "./patterns.ts";

/**
 * Checks settings without opening data, and returns warnings. Throws `ConfigError` for an impossible run, and for a new run
 * also if a setting has no effect or the loss is constant; a resumed run gets a warning instead, so that it can finish.
 */
export function checkSettings(config: Config, resumed: boolean): string[] {
  const impossible = tryFrozen(config.optim.frozen, allPaths(config));
  if (impossible.length > 0) throw new ConfigError(impossible);
  const { unusable, idle } = tryPatterns(config.optim.multipliers, trainedPaths(config));
  const { batch, loss } = config.train;
  const comparesPairs = trainingLosses[loss].probability === undefined;
  const pointless: Problem[] = [...idle];
  if (batch === 1 && comparesPairs) {
    const detail = `train.loss ${loss} with train.batch 1 is always 0: there are no negatives; use a batch of at least 2`;
    pointless.push({ code: "CONFIG_COMBINATION", key: "train.batch", detail });
  }
  const refused = resumed ? unusable : [...unusable, ...pointless];
  if (refused.length > 0) throw new ConfigError(refused);
  const warnings = pointless.map(({ detail }) => detail);
  if (batch === 1 && !comparesPairs) {
    warnings.push(
      "train.batch 1 has no negatives: the model learns that every pair matches; use a batch of at least 2",
    );
  }
  return warnings;
}

/** Checks the schedule with epochs of so many items, and returns warnings. Throws `ConfigError` if it is too long. */
export function checkSchedule(config: Config, items: number): string[] {
  const { optim, train } = config;
  const stepsPerEpoch = Math.floor(items / train.batch);
  const inSteps = (duration: string): number => durationInSteps(duration, { ...train, stepsPerEpoch });
  const [warmup, cooldown] = [inSteps(optim.warmup), inSteps(optim.cooldown)];
  if (warmup + cooldown > train.steps) {
    const detail = `optim.warmup ${optim.warmup} and optim.cooldown ${optim.cooldown} are ${warmup} and ${cooldown} steps (an epoch has ${stepsPerEpoch}), more than train.steps ${train.steps}`;
    throw new ConfigError([{ code: "CONFIG_COMBINATION", key: "optim.warmup", detail }]);
  }
  // Only the first step can have a learning rate of 0: a warm-up starts there.
  if (train.steps > 1 || buildSchedule(config, stepsPerEpoch)(0) > 0) return [];
  return [
    `the only step has a learning rate of 0, since optim.warmup ${optim.warmup} starts at 0: nothing is learned; set optim.warmup=0`,
  ];
}
