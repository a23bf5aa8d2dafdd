/** The health of a training as fields of `metrics.jsonl`. */
import type { Health } from "../siglip/index.ts";

/** `{ gradNorm: { image: 1 } }` → `{ "gradNorm.image": 1 }`; a norm over all parameters has the name alone: `updateNorm`. */
export function healthMetrics(health: Health): Record<string, number> {
  const fields = Object.entries(health).flatMap(([name, parts]) =>
    Object.entries(parts as Readonly<Record<string, number>>).map(
      ([part, value]) => [part === "all" ? name : `${name}.${part}`, value] as const,
    ),
  );
  return Object.fromEntries(fields);
}

/** Steps since the last line of metrics, and those whose gradients were clipped. */
export interface PendingSteps {
  readonly steps: number;
  readonly clipped: number;
}

/** Counts steps with clipped gradients between two lines of metrics. */
export class ClippedSteps {
  readonly #limit: number;
  #pending: PendingSteps;

  /** `limit`: gradients with a larger norm are clipped; `pending`: the steps before a resumed run was saved. */
  constructor(limit: number, pending: PendingSteps = { steps: 0, clipped: 0 }) {
    this.#limit = limit;
    this.#pending = pending;
  }

  get pending(): PendingSteps {
    return this.#pending;
  }

  saw(gradNorm: number): void {
    const { steps, clipped } = this.#pending;
    this.#pending = { steps: steps + 1, clipped: clipped + (gradNorm > this.#limit ? 1 : 0) };
  }

  /** The share of clipped steps; counting begins anew. */
  takeShare(): number {
    const { steps, clipped } = this.#pending;
    this.#pending = { steps: 0, clipped: 0 };
    return clipped / steps;
  }
}
