/**
 * Lengths of time in training, as people state them: `400`, `400 steps`, `5 epochs`, `50000 examples`, `10%`.
 *
 * Steps are rounded down, as in big_vision (`utils.steps`).
 */
const DURATION = /^(\d+(?:\.\d+)?)\s*(%|steps?|epochs?|examples?)?$/;

export interface RunLength {
  readonly steps: number;
  readonly batch: number;
  readonly stepsPerEpoch: number;
}

/** Amount and unit; undefined when the text is not a duration. */
export function parseDuration(text: string): { amount: number; unit: "%" | "step" | "epoch" | "example" } | undefined {
  const match = DURATION.exec(text);
  if (match === null) return undefined;
  const amount = Number(match[1]);
  const unit = (match[2] ?? "step").replace(/s$/, "") as "%" | "step" | "epoch" | "example";
  return amount <= 1e12 && (unit !== "%" || amount <= 100) ? { amount, unit } : undefined;
}

/** The number of steps of a duration in a run of this length. Throws `RangeError` on text that is not a duration. */
export function durationInSteps(text: string, run: RunLength): number {
  const parsed = parseDuration(text);
  if (parsed === undefined)
    throw new RangeError(`duration: ${text} is none; write 10%, 400 steps, 5 epochs or 50000 examples`);
  const { amount, unit } = parsed;
  if (unit === "step") return Math.floor(amount);
  if (unit === "epoch") return Math.floor(amount * run.stepsPerEpoch);
  if (unit === "example") return Math.floor(amount / run.batch);
  return Math.floor((amount * run.steps) / 100);
}
