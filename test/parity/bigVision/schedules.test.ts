/** Multipliers and durations against big_vision's create_learning_rate_schedule and utils.steps. */
import { describe, expect, it } from "vitest";
import { durationInSteps, ScheduleError, type ScheduleKind, schedule } from "../../../src/nn/index.ts";
import { goldenJson } from "../../support/goldens.ts";

type Arguments = Record<string, number | boolean | string | number[]>;
const { schedules, durations } = goldenJson<{
  schedules: Record<string, { arguments: Arguments; values?: number[]; raises?: string }>;
  durations: { rows: { config: Record<string, number>; steps: number | null }[] };
}>("big_vision/schedules");

/** The multipliers are float32; a cosine near its end has 2e-7 of 1. */
const TOLERANCE = 2e-7;

const NOT_OFFERED: Record<string, string> = {
  "^(polynomial|stair)_": "kinds that SigLIP does not use",
  "(_base|_end|_scaled_by_batch)": "the factor is of 1 and falls to 0; base and end are the learning rate's",
  "^rsqrt_shift|^rsqrt_timescale_examples": "no shift of the time scale",
  "^negative_means_absent$|^no_batch_size": "what is absent is left out; a batch is always known",
  "^refused_(two_warmups|type)$": "the type has one warm-up and three decays",
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

function build(settings: Arguments): (step: number) => number {
  const { total_steps: steps, batch_size: batch = 1, data_size: examples = 1 } = settings as Record<string, number>;
  const run = { steps, batch, stepsPerEpoch: examples / batch };
  const length = (prefix: string): number => durationInSteps(duration(settings, prefix) ?? "0", run);
  const kind = settings.decay_type === undefined || settings.decay_type === "stair" ? "constant" : settings.decay_type;
  return schedule({
    kind: kind as ScheduleKind,
    total: steps,
    warmup: length("warmup"),
    cooldown: length("cooldown"),
    ...(settings.timescale === undefined ? {} : { timescale: settings.timescale as number }),
  });
}

describe("the factors are big_vision's from the first step to the last:", () => {
  const rows = Object.entries(schedules).filter(([name, { values, arguments: settings }]) => {
    const { total_steps: total, warmup_steps: warmup = 0 } = settings as Record<string, number>;
    return values !== undefined && isOffered(name) && warmup < total;
  });
  it.each(rows)("%s", (_, { arguments: settings, values }) => {
    const factor = build(settings);
    const total = settings.total_steps as number;
    // Beyond the end big_vision's cool-down goes below 0; ours stays at 0.
    for (let step = 0; step <= total; step++) {
      expect(Math.abs(factor(step) - (values as number[])[step]), `step ${step}`).toBeLessThanOrEqual(TOLERANCE);
    }
    if (settings.decay_type !== "rsqrt" && settings.decay_type !== "stair" && settings.decay_type !== undefined) {
      expect(factor(total)).toBeCloseTo(0, 12);
    }
  });
  it("more than twenty of them", () => expect(rows.length).toBeGreaterThan(20));
});

it("what big_vision refuses is refused, but for a run that is all warm-up", () => {
  const refused = Object.entries(schedules).filter(([name, { raises, arguments: settings }]) => {
    const { total_steps: total, warmup_steps: warmup = 0 } = settings as Record<string, number>;
    return isOffered(name) && (raises !== undefined || warmup > total) && name !== ALLOWED;
  });
  expect(refused.map(([name]) => name).sort()).toEqual(["refused_percent_above_1", "total_1_warmup_3"]);
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
