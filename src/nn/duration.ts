/**
 * Lengths of parts of a training as text: "500" or "500 steps", "3 epochs", "1e6 examples", "10%" (big_vision `utils.steps`).
 */

/** A duration cannot be parsed, or a schedule has an unknown kind or does not fit its total. */
export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
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
