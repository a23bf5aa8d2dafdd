/**
 * Learning-rate schedules as big_vision has them: step → factor on learning rate and weight decay.
 *
 * Steps count from 0, so with a warm-up the first factor is 0. A duration is "500" or "500 steps", "3 epochs",
 * "1e6 examples" or "10%".
 */

export type ScheduleKind = "constant" | "linear" | "cosine" | "rsqrt";

export interface ScheduleOptions {
  readonly kind: ScheduleKind;
  /** Steps in all. */
  readonly total: number;
  /** Steps of linear rise from 0. */
  readonly warmup?: number;
  /** Steps of linear fall to 0 at the end. */
  readonly cooldown?: number;
  /** rsqrt: steps after which the rate has fallen by √2. */
  readonly timescale?: number;
}

/** A duration that cannot be read, or a schedule that does not fit its total. */
export class ScheduleError extends Error {
  override readonly name = "ScheduleError";
}

/** The factor for every step 0..total. */
export function schedule({
  kind,
  total,
  warmup = 0,
  cooldown = 0,
  timescale = 10_000,
}: ScheduleOptions): (step: number) => number {
  if (!(total > 0 && warmup >= 0 && cooldown >= 0 && warmup + cooldown <= total)) {
    throw new ScheduleError(`schedule: warm-up ${warmup} and cool-down ${cooldown} do not fit into ${total} steps`);
  }
  const decay = (step: number): number => {
    const progress = Math.min(1, Math.max(0, (step - warmup) / Math.max(total - warmup, 1e-12)));
    if (kind === "constant") return 1;
    if (kind === "linear") return 1 - progress;
    if (kind === "cosine") return 0.5 * (1 + Math.cos(Math.PI * progress));
    return 1 / Math.sqrt(1 + Math.max(0, step - warmup) / timescale);
  };
  return (step) => {
    const rise = warmup > 0 ? Math.min(1, step / warmup) : 1;
    const fall = cooldown > 0 ? Math.min(1, Math.max(0, total - step) / cooldown) : 1;
    return decay(step) * rise * fall;
  };
}

/** Steps in a duration, given the batch size and the examples in an epoch and in the run. Rounds to nearest. */
export function durationInSteps(
  duration: string | number,
  { total, batch, examplesPerEpoch }: { total: number; batch: number; examplesPerEpoch: number },
): number {
  const match = /^\s*([0-9.]+(?:e[0-9]+)?)\s*(%|steps?|epochs?|examples?)?\s*$/i.exec(String(duration));
  const amount = match ? Number(match[1]) : Number.NaN;
  if (!match || !Number.isFinite(amount)) {
    throw new ScheduleError(`duration: "${duration}" is not like "500 steps", "3 epochs", "1e6 examples" or "10%"`);
  }
  const unit = (match[2] ?? "steps").toLowerCase();
  if (unit === "%") return Math.round((amount / 100) * total);
  if (unit.startsWith("epoch")) return Math.round((amount * examplesPerEpoch) / batch);
  if (unit.startsWith("example")) return Math.round(amount / batch);
  return Math.round(amount);
}
