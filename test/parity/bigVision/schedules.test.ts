/** Multipliers and durations against big_vision's create_learning_rate_schedule and utils.steps. */
import { describe, expect, it } from "vitest";
import {
  durationInSteps,
  ScheduleError,
  type ScheduleKind,
  type ScheduleOptions,
  schedule,
} from "../../../src/nn/index.ts";
import { goldenJson } from "../../support/goldens.ts";

type Arguments = Record<string, number | boolean | string | number[]>;
const { schedules, durations } = goldenJson<{
  schedules: Record<string, { arguments: Arguments; values?: number[]; raises?: string }>;
  durations: { rows: { config: Record<string, number>; steps: number | null }[] };
}>("big_vision/schedules");

/** The multipliers are float32; a cosine near its end has 2e-7 of 1. */
const TOLERANCE = 2e-7;

const NOT_OFFERED: Record<string, string> = {
  "^negative_means_absent$|^no_batch_size": "what is absent is left out; a batch is always known",
  "^refused_two_warmups$": "there is one warm-up",
};
/** A short run may be all warm-up; big_vision refuses it with an assertion. */
const ALLOWED = "refused_warmup_equals_total";

const reasons = Object.keys(NOT_OFFERED).map((pattern) => new RegExp(pattern));
const isOffered = (name: string): boolean => !reasons.some((reason) => reason.test(name));

/** A length of `prefix` as our text: warmup_epochs 0.7 is "0.7 epochs", warmup_percent 0.1 is "10%". */
function duration(settings: Arguments, prefix: string): string | undefined {
  for (const unit of ["steps", "examples", "epochs", "percent"]) {
    const value = settings[`${prefix}_${unit}`];
    if (typeof value === "number" && value >= 0) return text(value, unit);
  }
  return undefined;
}
/** Without exponents of less than 0, which durations do not have. */
const digits = (value: number): string => value.toFixed(12).replace(/\.?0+$/, "");
const text = (value: number, unit: string): string =>
  unit === "percent" ? `${digits(value * 100)}%` : `${digits(value)} ${unit}`;

/** The learning rate of a step; `schedule` gives its factor, so `base` and what scales it are applied here. */
function build(settings: Arguments): (step: number) => number {
  const { total_steps: steps, batch_size: batch = 1, data_size: examples = 1 } = settings as Record<string, number>;
  const { decay_type: type = "stair", scale_with_batchsize: scales = false, base: given = 1 } = settings;
  const base = (given as number) * (scales ? batch / 256 : 1);
  const run = { steps, batch, stepsPerEpoch: examples / batch };
  const length = (prefix: string): number => durationInSteps(duration(settings, prefix) ?? "0", run);
  const end = (settings.end ?? settings.linear_end ?? 0) as number;
  const timescale = typeof settings.timescale === "number" ? settings.timescale : length("timescale");
  const shift = typeof settings.shift === "number" ? settings.shift : length("shift");
  const own: Record<string, Partial<ScheduleOptions>> = {
    linear: { end: end / base },
    polynomial: { end: end / base, power: (settings.power ?? 1) as number },
    rsqrt: { ...(timescale > 0 ? { timescale } : {}), shift },
    stair: {
      stairs: ((settings.steps ?? []) as number[]).map((step, i) => ({
        step,
        factor: (settings.mults as number[])[i],
      })),
    },
  };
  const factor = schedule({
    kind: type as ScheduleKind,
    total: steps,
    warmup: length("warmup"),
    cooldown: length("cooldown"),
    ...own[type as string],
  });
  return (step) => base * factor(step);
}

describe("the factors are big_vision's from the first step to the last:", () => {
  const rows = Object.entries(schedules).filter(([name, { values, arguments: settings }]) => {
    const { total_steps: total, warmup_steps: warmup = 0 } = settings as Record<string, number>;
    return values !== undefined && isOffered(name) && warmup < total;
  });
  it.each(rows)("%s", (_, { arguments: settings, values }) => {
    const rate = build(settings);
    const total = settings.total_steps as number;
    const base = Math.max(1, ...(values as number[]));
    // Beyond the end big_vision's cool-down goes below 0; ours stays at 0.
    for (let step = 0; step <= total; step++) {
      const off = Math.abs(rate(step) - (values as number[])[step]);
      expect(off, `step ${step}`).toBeLessThanOrEqual(TOLERANCE * base);
    }
  });
  it("all but three", () => expect(rows.length).toBe(57));
});

it("what big_vision refuses is refused, but for a run that is all warm-up", () => {
  const refused = Object.entries(schedules).filter(([name, { raises, arguments: settings }]) => {
    const { total_steps: total, warmup_steps: warmup = 0 } = settings as Record<string, number>;
    return isOffered(name) && (raises !== undefined || warmup > total) && name !== ALLOWED;
  });
  expect(refused.map(([name]) => name).sort()).toEqual(["refused_percent_above_1", "refused_type", "total_1_warmup_3"]);
  for (const [, { arguments: settings }] of refused) expect(() => build(settings)).toThrow(ScheduleError);
  const allWarmup = build(schedules[ALLOWED].arguments);
  expect([allWarmup(0), allWarmup(50), allWarmup(99)]).toEqual([0, 0.5, 0.99]);
});

it("every reason to leave schedules out leaves some out", () => {
  for (const reason of reasons)
    expect(
      Object.keys(schedules).some((name) => reason.test(name)),
      `${reason}`,
    ).toBe(true);
});

describe("durations are big_vision's: rounded, halves to even, never to 0 unless 0:", () => {
  const rows = durations.rows.flatMap(({ config, steps }) => {
    const length = duration(config, "x");
    return length === undefined ? [] : [[length, steps as number] as const];
  });
  it.each(rows)("%s is %i steps", (length, steps) => {
    expect(durationInSteps(length, { steps: 100, batch: 50, stepsPerEpoch: 20 })).toBe(steps);
  });
  it("all but the two that are absent", () => expect(rows.length).toBe(durations.rows.length - 2));
});
