/**
 * Resuming a run: what is loaded, and which settings may change.
 *
 * `log.*`, `eval.*` and `checkpoint.*` change no bit of the result and may change; so may `train.steps`, if the learning rates of
 * all completed steps stay the same, and `data.path`, if the data is the same there.
 */
import { type Config, ConfigError, configDifferences, resolveConfig, withSettings } from "./config.ts";
import { configDigest, type OwnedRunFolder, openRun, RunFolderError, resumeRun, writeConfig } from "./runFolder.ts";
import { buildSchedules } from "./schedules.ts";
import { requireFinite, type Stored, shared } from "./trainingState.ts";

/** A run that this process may write to, and its starting point. */
export interface OpenRun {
  readonly run: OwnedRunFolder;
  /** Undefined if nothing was saved yet. */
  readonly stored?: Stored | undefined;
  /** The configuration of the completed steps. */
  readonly before: Config;
}

/** How a run is resumed. */
export interface ResumeOptions {
  /** Must train on the data of the run, if given. */
  readonly preset?: string | undefined;
  /** Changed settings, such as `log.every=5`. */
  readonly settings: readonly string[];
  /** Receives warnings. */
  warn(message: string): void;
}

/**
 * The run to resume, with its newest checkpoint, and with the changed settings. The caller must release it.
 *
 * Throws `RunFolderError`, `ConfigError` for a setting that a run has to keep, and `CheckpointError`.
 */
export function openResumed(out: string, { preset, settings, warn }: ResumeOptions): OpenRun {
  const run = resumeRun(out, new Date());
  try {
    const before = run.config;
    if (preset !== undefined) refuseOtherPreset(before, preset);
    const config = resumedConfig(before, settings);
    const checkpoint = run.checkpoints.load(configDigest(before));
    for (const warning of checkpoint?.warnings ?? []) warn(warning);
    if (checkpoint) requireFinite(checkpoint, out);
    else if (before.train.init !== "none") {
      throw new RunFolderError(`${out} ended before the weights of --init were saved; start it again in a new folder`);
    }
    return {
      run: { ...run, ...openRun(out, config, { damaged: run.checkpoints.damaged }) },
      stored: checkpoint && shared(checkpoint),
      before,
    };
  } catch (error) {
    run.release();
    throw error;
  }
}

const refusal = (key: string, detail: string): ConfigError =>
  new ConfigError([{ code: "CONFIG_COMBINATION", key, detail }]);

function refuseOtherPreset(config: Config, preset: string): void {
  const { name } = resolveConfig(preset, []).data;
  if (name === config.data.name) return;
  throw refusal("preset", `--preset ${preset} trains on ${name}, this run on ${config.data.name}; leave it out`);
}

/** Sections that change no bit of the result. */
const FREE = ["log.", "eval.", "checkpoint."];

/** Keys that may change if what they stand for is the same: its learning rates, its data. */
const MAY_CHANGE = ["train.steps", "data.path"];

/** The configuration of a run with changed settings. Throws `ConfigError` for settings that a run has to keep. */
function resumedConfig(before: Config, settings: readonly string[]): Config {
  const asked = withSettings(before, settings);
  const kept = configDifferences(before, asked).filter(
    ({ key }) => !MAY_CHANGE.includes(key) && !FREE.some((section) => key.startsWith(section)),
  );
  if (kept.length > 0) {
    throw new ConfigError(
      kept.map(({ key, from, to }) => ({
        code: "CONFIG_COMBINATION",
        key,
        detail: `${key}: ${from} → ${to}: a resumed run keeps this setting; leave it out, or start a new run`,
      })),
    );
  }
  const begun = before.train.firstSteps || before.train.steps;
  const firstSteps = asked.train.steps === begun ? 0 : begun;
  return { ...asked, train: { ...asked.train, firstSteps } };
}

/** The configuration of a run on this data. Throws `ConfigError` if it is resumed and the data has changed meanwhile. */
export function onContents(config: Config, contents: string | undefined): Config {
  const { data } = config;
  if (contents === undefined || contents === data.contents) return config;
  if (data.contents === "none") return { ...config, data: { ...data, contents } };
  const [key, value] = data.name === "files" ? ["data.path", data.path] : ["data.name", data.name];
  throw refusal(
    key,
    `${key} ${value}: its images, captions or splits have changed since the run began, so a resumed run would train on other data; start a new one with --init`,
  );
}

/**
 * Writes the changed configuration of a resumed run. Throws `ConfigError` if a new number of steps would have changed the
 * learning rate of a completed step: the weights would match neither run.
 */
export function writeChanges({ run: { path, config }, before, stored }: OpenRun, items: number): void {
  const [from, to] = [before.train.steps, config.train.steps];
  const done = stored?.step ?? 0;
  if (from !== to) {
    if (to < done) throw refusal("train.steps", `train.steps: ${from} → ${to}: ${done} steps are already done`);
    const stepsPerEpoch = Math.floor(items / config.train.batch);
    const [was, is] = [before, config].map((each) => buildSchedules(each, stepsPerEpoch));
    for (let index = 0; index < done; index++) {
      const factors = is.factors(index);
      const changed = was.factors(index).findIndex((factor, i) => factor !== factors[i]);
      if (changed < 0) continue;
      throw refusal(
        "train.steps",
        `train.steps: ${from} → ${to}: completed steps would have had another learning rate (${is.names[changed]}). A run can be extended if its schedules are constant, rsqrt or stair, their durations are not in %, and no cool-down has begun; otherwise start a new run from its weights, with --init ${path}`,
      );
    }
  }
  if (configDifferences(before, config).length > 0) writeConfig(path, config);
}
