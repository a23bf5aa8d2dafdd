/**
 * The schedules of a run, and the factors that follow from them.
 *
 * A parameter follows the first schedule of `optim.schedules` whose pattern matches its whole path, and the main schedule if
 * there is none. A schedule of a pattern takes nothing from the main one: what it leaves out is off (big_vision's list of
 * schedules).
 */
import {
  durationInSteps,
  pathPattern,
  type RunLength,
  SCHEDULE_KINDS,
  type ScheduleFactor,
  type ScheduleKind,
  type ScheduleOption,
  schedule,
  scheduleOptionsOf,
} from "../nn/index.ts";
import type { Conflict } from "./configError.ts";
import { defaults, type Values } from "./fields.ts";
import { mainSchedule, type ScheduleSettings, type scheduleFields } from "./scheduleFields.ts";

/** The part of a configuration that determines its schedules. */
interface Scheduled {
  readonly optim: Values<typeof scheduleFields>;
  readonly train: { readonly steps: number; readonly batch: number };
}

/** One schedule of a configuration. */
interface Configured {
  /** Absent in the main schedule. */
  readonly match?: string;
  readonly settings: ScheduleSettings;
  /** The options that are set and that the kind does not use. */
  readonly unused: readonly ScheduleOption[];
  /** A setting's name, for people: `optim.warmup`, `optim.schedules["text/.*"].warmup`. */
  name(setting: keyof ScheduleSettings): string;
}

const INITIAL = defaults(mainSchedule);
const OFF: ScheduleSettings = { ...INITIAL, warmup: "0" };
const OPTIONS: readonly ScheduleOption[] = ["end", "power", "timescale", "shift", "stairs"];

/** The main schedule, then those of patterns. */
function schedulesOf({ schedules, ...main }: Scheduled["optim"]): Configured[] {
  const unusedBy = (kind: ScheduleKind, isSet: (option: ScheduleOption) => boolean): ScheduleOption[] =>
    OPTIONS.filter((option) => isSet(option) && !scheduleOptionsOf(kind).includes(option));
  const differs = (option: ScheduleOption): boolean => JSON.stringify(main[option]) !== JSON.stringify(INITIAL[option]);
  const first: Configured = {
    settings: main,
    unused: unusedBy(main.schedule, differs),
    name: (setting) => `optim.${setting}`,
  };
  const others = schedules.map(
    ({ match, kind, ...given }): Configured => ({
      match,
      settings: { ...OFF, ...given, schedule: kind },
      unused: unusedBy(kind, (option) => given[option] !== undefined),
      name: (setting) => `optim.schedules[${JSON.stringify(match)}].${setting === "schedule" ? "kind" : setting}`,
    }),
  );
  return [first, ...others];
}

/** Schedules that no run can use: with options that have no effect, without stairs, or longer than the run. */
export function scheduleConflicts(config: Scheduled): Conflict[] {
  const pointless = schedulesOf(config.optim).flatMap(({ match, settings, unused, name }) => {
    const { schedule: kind, stairs } = settings;
    const refusal = (option: ScheduleOption, detail: string): Conflict => ({
      keys: match === undefined ? [name(option), name("schedule")] : ["optim.schedules"],
      detail: `${name("schedule")} ${kind} ${detail}`,
    });
    return [
      ...unused.map((option) => {
        const users = SCHEDULE_KINDS.filter((each) => scheduleOptionsOf(each).includes(option)).join(" and ");
        return refusal(option, `does not use ${name(option)}, an option of ${users}; leave it out`);
      }),
      ...(kind === "stair" && stairs.length === 0
        ? [refusal("stairs", `needs ${name("stairs")}, such as [{"at": "50%", "factor": 0.1}]`)]
        : []),
    ];
  });
  // An epoch is at least one step: this is the least that warm-up and cool-down can take.
  return [...pointless, ...tooLong(config, 1)];
}

/** Schedules whose warm-up and cool-down are longer than the run. */
export function tooLong({ optim, train }: Scheduled, stepsPerEpoch: number): Conflict[] {
  return schedulesOf(optim).flatMap(({ match, settings: { warmup, cooldown }, name }) => {
    const [up, down] = [warmup, cooldown].map((text) => durationInSteps(text, { ...train, stepsPerEpoch }));
    if (up + down <= train.steps) return [];
    const epoch = /epoch/.test(warmup + cooldown) ? ` with epochs of ${stepsPerEpoch}` : "";
    const detail = `${name("warmup")} ${warmup} and ${name("cooldown")} ${cooldown} are ${up} and ${down} steps${epoch}, more than train.steps ${train.steps}`;
    const own = match === undefined ? [name("warmup"), name("cooldown")] : ["optim.schedules"];
    return [{ keys: [...own, "train.steps", "train.batch"], detail }];
  });
}

/** The schedules of a run as functions of the step, counted from 0. */
export interface Schedules {
  /** Of each schedule, the main one first: what it is, for people. */
  readonly names: readonly string[];
  /** The factor of each schedule. */
  factors(step: number): number[];
  /** The factor of every parameter, for the optimizer. */
  factorOf(step: number): ScheduleFactor;
}

/** The schedules of a configuration. Throws `ScheduleError` for stairs that do not ascend. */
export function buildSchedules({ optim, train }: Scheduled, stepsPerEpoch: number): Schedules {
  const length = { steps: train.steps, batch: train.batch, stepsPerEpoch };
  const all = schedulesOf(optim);
  const functions = all.map(({ settings }) => functionOf(settings, length));
  const factors = (step: number): number[] => functions.map((factor) => factor(step));
  const patterns = all.map(({ match }) => (match === undefined ? undefined : pathPattern(match)));
  const indices = new Map<string, number>();
  const indexOf = (path: string): number => {
    const index = indices.get(path) ?? Math.max(0, patterns.findIndex((pattern) => pattern?.test(path))); // biome-ignore format: a line
    indices.set(path, index);
    return index;
  };
  return {
    names: all.map(({ settings: { schedule: kind, warmup, cooldown }, name }) => {
      return `${name("schedule")} ${kind}, ${name("warmup")} ${warmup}, ${name("cooldown")} ${cooldown}`;
    }),
    factors,
    factorOf(step) {
      const each = factors(step);
      return all.length === 1 ? each[0] : (path) => each[indexOf(path)];
    },
  };
}

/** The factor of a schedule as a function of the step. */
function functionOf(settings: ScheduleSettings, length: RunLength): (step: number) => number {
  const inSteps = (text: string): number => durationInSteps(text, length);
  const { schedule: kind, warmup, cooldown, end, power, timescale, shift, stairs } = settings;
  const options = {
    end,
    power,
    timescale: inSteps(timescale),
    shift: inSteps(shift),
    stairs: stairs.map(({ at, factor }) => ({ step: inSteps(at), factor })),
  };
  const used = Object.fromEntries(scheduleOptionsOf(kind).map((option) => [option, options[option]]));
  return schedule({ kind, total: length.steps, warmup: inSteps(warmup), cooldown: inSteps(cooldown), ...used });
}
