/** Checks a run before it begins: settings that are impossible, and settings with which nothing is learned. */
import { ScheduleError } from "../nn/index.ts";
import { logOddsBias, trainingLosses } from "../siglip/index.ts";
import { type Config, ConfigError, type Multiplier, PAIR_MULTIPLIER, type Problem } from "./config.ts";
import { allPaths, trainedPaths } from "./model.ts";
import { tryFrozen, tryPatterns } from "./patterns.ts";
import { buildSchedules, type Schedules, tooLong } from "./schedules.ts";

const conflict = (key: string, detail: string): Problem => ({ code: "CONFIG_COMBINATION", key, detail });

/**
 * Checks settings without opening data, and returns warnings. Throws `ConfigError` for an impossible run, and for a new run
 * also if a setting has no effect or the loss is constant; a resumed run gets a warning instead, so that it can finish.
 */
export function checkSettings(config: Config, resumed: boolean): string[] {
  const wrong = tryFrozen(config.optim.frozen, allPaths(config));
  if (wrong.length > 0) throw new ConfigError(wrong);
  const paths = trainedPaths(config);
  const tried = [
    tryPatterns("optim.multipliers", multipliersOf(config), paths),
    tryPatterns("optim.schedules", config.optim.schedules, paths),
  ];
  const { batch, loss, lock, init, objective } = config.train;
  const impossible = tried.flatMap((each) => each.unusable);
  if (lock === "image" && init === "none") {
    const detail =
      "train.lock image trains a text tower for the image tower of another run; name that run with --init RUN";
    impossible.push(conflict("train.lock", detail));
  }
  const comparesPairs = trainingLosses[loss].probability === undefined;
  const pointless = tried.flatMap((each) => each.idle);
  if (batch === 1 && comparesPairs) {
    const detail = `train.loss ${loss} with train.batch 1 is always 0: there are no negatives; use a batch of at least 2`;
    pointless.push(conflict("train.batch", detail));
  }
  const refused = resumed ? impossible : [...impossible, ...pointless];
  if (refused.length > 0) throw new ConfigError(refused);
  const warnings = pointless.map(({ detail }) => detail);
  if (batch === 1 && !comparesPairs && objective === "pairs") {
    warnings.push(
      "train.batch 1 has no negatives: the model learns that every pair matches; use a batch of at least 2",
    );
  }
  return [...warnings, ...biasWarning(config)];
}

/** How far the first bias may be from the best constant answer: the probability of a pair is then wrong by a factor of 20. */
const FAR = 3;

/** A bias far from the log-odds of a match in a batch: the first steps do little but move it (Table 4 of the paper). */
function biasWarning({ model: { biasInit }, train, loss: { ratio } }: Config): string[] {
  const { objective, loss, batch, init } = train;
  if (
    objective !== "pairs" ||
    biasInit === "log-odds" ||
    init !== "none" ||
    batch < 2 ||
    !trainingLosses[loss].usesBias
  )
    return [];
  const best = logOddsBias(batch, ratio);
  if (Math.abs(biasInit - best) <= FAR) return [];
  const odds = `${best.toFixed(1)}, the log-odds of a match ${ratio < 1 ? `beside ${ratio} of the negatives of` : "in"} a batch of ${batch}`;
  return [
    `model.biasInit ${biasInit} is far from ${odds}: the first steps do little but move b; use model.biasInit=log-odds`,
  ];
}

/** The multipliers of a run; a classifier lacks the parameters of the default. */
const multipliersOf = ({ optim, train }: Config): readonly Multiplier[] =>
  train.objective === "pairs"
    ? optim.multipliers
    : optim.multipliers.filter(({ match }) => match !== PAIR_MULTIPLIER.match);

/** Checks the schedules with epochs of so many items, and returns warnings. Throws `ConfigError` if no run can use them. */
export function checkSchedule(config: Config, items: number): string[] {
  const { optim, train } = config;
  const stepsPerEpoch = Math.floor(items / train.batch);
  const problems = tooLong(config, stepsPerEpoch).map(({ keys, detail }) => conflict(keys[0], detail));
  if (problems.length > 0) throw new ConfigError(problems);
  const { factors } = schedulesOrRefusal(config, stepsPerEpoch);
  // Only the first step can have a learning rate of 0: a warm-up starts there.
  if (train.steps > 1 || factors(0).some((factor) => factor > 0)) return [];
  return [
    `the only step has a learning rate of 0, since optim.warmup ${optim.warmup} starts at 0: nothing is learned; set optim.warmup=0`,
  ];
}

function schedulesOrRefusal(config: Config, stepsPerEpoch: number): Schedules {
  try {
    return buildSchedules(config, stepsPerEpoch);
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error;
    const key = config.optim.stairs.length > 0 ? "optim.stairs" : "optim.schedules";
    throw new ConfigError([conflict(key, `${key}: ${error.message}`)]);
  }
}
