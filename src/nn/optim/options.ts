/** Options that all optimizers share, and the check of all options. */
import { OptimizerError } from "./errors.ts";

/** Multipliers of learning rate and weight decay for parameters whose whole path matches; the first match wins. */
export interface Multiplier {
  readonly match: string;
  readonly lr?: number;
  readonly decay?: number;
}

/** Settings that all optimizers share. */
export interface OptimizerOptions {
  readonly lr: number;
  /** Per step, independent of lr. */
  readonly weightDecay?: number;
  /** Pattern of the paths that decay. Default: kernels only, as in big_vision; biases, norms, embeddings, probe, t′ and b do not. */
  readonly decayed?: string;
  /** Largest global norm of the gradients; longer ones are scaled down to it. */
  readonly clipNorm?: number;
  readonly multipliers?: readonly Multiplier[];
}

/** What an option may be, in words, and the check. */
export interface Kind {
  readonly expected: string;
  readonly fits: (value: unknown) => boolean;
}

const isNumber = (x: unknown): x is number => typeof x === "number" && x >= 0 && x < Number.POSITIVE_INFINITY;

/** A learning rate or a decay. */
export const RATE: Kind = { expected: "a finite number of at least 0", fits: isNumber };
/** A weight of the past in a moving average. */
export const FRACTION: Kind = { expected: "a number from 0 to below 1", fits: (x) => isNumber(x) && x < 1 };
/** The ε of a denominator. With 0, a gradient that was always 0 gives 0/0. */
export const EPSILON: Kind = {
  expected: "0 or a finite number that f32 does not round to 0",
  fits: (x) => isNumber(x) && (x === 0 || Math.fround(x) > 0),
};
/** A switch. */
export const FLAG: Kind = { expected: "true or false", fits: (x) => typeof x === "boolean" };
/** A pattern of paths; `pathPattern` says what is wrong with it. */
export const PATTERN: Kind = { expected: "a pattern", fits: (x) => typeof x === "string" };
/** An integer. */
export const COUNT: Kind = {
  expected: "an integer of at least 0",
  fits: (x) => isNumber(x) && Number.isSafeInteger(x),
};
/** The kind of each option. */
export type Kinds = Readonly<Record<string, Kind>>;

const SHARED: Kinds = {
  lr: RATE,
  weightDecay: RATE,
  decayed: PATTERN,
  clipNorm: { expected: "a number above 0", fits: (x) => typeof x === "number" && x > 0 },
  multipliers: { expected: "a list", fits: Array.isArray },
};

/**
 * Throws `OptimizerError` for options that would damage parameters or do not exist; JavaScript callers have no type checks.
 * `own`: the options of this optimizer beside the shared ones.
 */
export function checkOptions(name: string, options: OptimizerOptions, own: Kinds): void {
  const kinds: Kinds = { ...SHARED, ...own };
  for (const [option, value] of Object.entries({ ...options, lr: options.lr })) {
    const kind = Object.hasOwn(kinds, option) ? kinds[option] : undefined;
    if (kind === undefined) {
      throw new OptimizerError(`${name}: unknown option ${option}; the options are ${Object.keys(kinds).join(", ")}`);
    }
    const isDefault = value === undefined && option !== "lr"; // only lr has no default
    if (!isDefault && !kind.fits(value)) {
      throw new OptimizerError(`${name}: ${option} ${String(value)} is not ${kind.expected}`);
    }
  }
  for (const { match, lr = 1, decay = 1 } of options.multipliers ?? []) {
    if (RATE.fits(lr) && RATE.fits(decay)) continue;
    throw new OptimizerError(
      `${name}: lr ${lr} or decay ${decay} of the multiplier for ${match} is not ${RATE.expected}`,
    );
  }
}
