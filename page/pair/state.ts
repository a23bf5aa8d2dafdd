/** One image and one text as unit vectors: the state of the scene, and everything that follows from it. */
import { type Label, pairGradient, pairLoss, sigmoid } from "../pairMath.ts";
import { numberIn } from "../scene.ts";

export interface PairState {
  /** Between both embeddings, in degrees. */
  readonly angle: number;
  readonly t: number;
  readonly b: number;
  /** Whether they belong together. */
  readonly matches: boolean;
}

export const RANGES = {
  angle: { initial: 60, min: 0, max: 180, step: 1 },
  t: { initial: 10, min: 1, max: 100, step: 1 },
  b: { initial: -10, min: -20, max: 5, step: 0.5 },
} as const;

export const stateOf = (parameters: URLSearchParams): PairState => ({
  angle: numberIn(parameters, "angle", RANGES.angle),
  t: numberIn(parameters, "t", RANGES.t),
  b: numberIn(parameters, "b", RANGES.b),
  matches: parameters.get("label") !== "-1",
});

export const parametersOf = ({ angle, t, b, matches }: PairState): Record<string, number> => ({
  angle,
  t,
  b,
  label: matches ? 1 : -1,
});

/** What the scene shows. */
export interface Pair {
  readonly label: Label;
  readonly similarity: number;
  readonly logit: number;
  readonly probability: number;
  readonly loss: number;
  readonly gradient: number;
}

/** The pair of a state. */
export function pairOf({ angle, t, b, matches }: PairState): Pair {
  const label = matches ? 1 : -1;
  const similarity = Math.cos((angle * Math.PI) / 180);
  const logit = t * similarity + b;
  return {
    label,
    similarity,
    logit,
    probability: sigmoid(logit),
    loss: pairLoss(logit, label),
    gradient: pairGradient(logit, label),
  };
}

/** The terms of the formula that a control moves. */
export const MOVES = {
  angle: ["s", "logit", "p", "loss"],
  t: ["t", "logit", "p", "loss"],
  b: ["b", "logit", "p", "loss"],
  label: ["z", "loss"],
} as const;
