/**
 * Learning-rate schedules of big_vision: step → factor of learning rate and weight decay.
 *
 * Steps count from 0, so with a warm-up the first factor is 0. A duration is "500" or "500 steps", "3 epochs",
 * "1e6 examples" or "10%".
 */

import { portable } from "../tensor/index.ts";

/** Every kind of schedule. */
export const SCHEDULE_KINDS = ["constant", "linear", "cosine", "rsqrt"] as const;
/** How the factor falls after warm-up. */
export type ScheduleKind = (typeof SCHEDULE_KINDS)[number];

/** Settings of `schedule`. */
export interface ScheduleOptions {
  readonly kind: ScheduleKind;
  /** Total steps. */
  readonly total: number;
  /** Steps of linear rise from 0. */
  readonly warmup?: number;
  /** Steps of linear fall to 0 at the end. */
  readonly cooldown?: number;
  /** rsqrt: steps after which the rate has fallen by √2. */
  readonly timescale?: number;
}

/** A duration cannot be parsed, or a schedule has an unknown kind or does not fit its total. */
export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
}

/** The schedule factor of every step 0..total. Throws `ScheduleError`. */
export function schedule({
  kind,
  total,
  warmup = 0,
  cooldown = 0,
  timescale = 10_000,
  ...others
}: ScheduleOptions): (step: number) => number {
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new ScheduleError(
      `schedule: unknown option ${unknown}; the options are kind, total, warmup, cooldown and timescale`,
    );
  }
  if (!SCHEDULE_KINDS.includes(kind)) {
    throw new ScheduleError(`schedule: kind must be one of ${SCHEDULE_KINDS.join(", ")}, not ${JSON.stringify(kind)}`);
  }
  if (!(total > 0 && warmup >= 0 && cooldown >= 0 && warmup + cooldown <= total)) {
    throw new ScheduleError(`schedule: warm-up ${warmup} and cool-down ${cooldown} do not fit into ${total} steps`);
  }
  if (!(timescale > 0)) throw new ScheduleError(`schedule: timescale ${timescale} is not a number of steps above 0`);
  const decay = (step: number): number => {
    const progress = Math.min(1, Math.max(0, (step - warmup) / Math.max(total - warmup, 1e-12)));
    if (kind === "constant") return 1;
    if (kind === "linear") return 1 - progress;
    if (kind === "cosine") return 0.5 * (1 + portable.cosSin(progress / 2).cos);
    return 1 / Math.sqrt(1 + Math.max(0, step - warmup) / timescale);
  };
  return (step) => {
    const rise = warmup > 0 ? Math.min(1, step / warmup) : 1;
    const fall = cooldown > 0 ? Math.min(1, Math.max(0, total - step) / cooldown) : 1;
    return decay(step) * rise * fall;
  };
}

const DURATION = /^\s*(\d+(?:\.\d+)?(?:e\d+)?)\s*(%|steps?|epochs?|examples?)?\s*$/;

/** Converts durations in other units to steps. */
export interface RunLength {
  readonly steps: number;
  readonly batch: number;
  /** Examples in an epoch over batch; need not be whole. */
  readonly stepsPerEpoch: number;
}

/** A duration as amount and unit. */
export interface Duration {
  readonly amount: number;
  readonly unit: "%" | "step" | "epoch" | "example";
}

/** Amount and unit; undefined when the text is not a duration. */
export function parseDuration(text: string): Duration | undefined {
  const match = DURATION.exec(text);
  if (!match) return undefined;
  const amount = Number(match[1]);
  const unit = (match[2] ?? "step").replace(/s$/, "") as Duration["unit"];
  return amount <= 1e12 && (unit !== "%" || amount <= 100) ? { amount, unit } : undefined;
}

/** To the nearest integer, halves to the even one. */
function roundHalfEven(x: number): number {
  const nearest = Math.round(x);
  return nearest - x === 0.5 && nearest % 2 !== 0 ? nearest - 1 : nearest;
}

/**
 * Steps in a duration: rounded, halves to even, and never to 0 unless the duration is 0 (big_vision `utils.steps`).
 * Throws `ScheduleError` on text that is not a duration and on a run length that is not positive.
 */
export function durationInSteps(text: string, { steps, batch, stepsPerEpoch }: RunLength): number {
  const duration = typeof text === "string" ? parseDuration(text) : undefined; // JavaScript may pass a number
  if (!duration) {
    throw new ScheduleError(
      `duration: "${text}" is not a duration like "500 steps", "3 epochs", "1e6 examples" or "10%"`,
    );
  }
  for (const [name, value] of Object.entries({ steps, batch, stepsPerEpoch })) {
    if (!(value > 0)) throw new ScheduleError(`duration: ${name} ${value} is not a number above 0`);
  }
  const { amount, unit } = duration;
  const exact =
    unit === "step"
      ? amount
      : unit === "epoch"
        ? amount * stepsPerEpoch
        : unit === "example"
          ? amount / batch
          : (amount / 100) * steps;
  return exact === 0 ? 0 : Math.max(1, roundHalfEven(exact));
}
