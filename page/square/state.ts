/** A batch of pairs as a square: the state of the scene, and the guesses that come before it. */
import { MOST, NAMES, STAGES, similaritiesOf } from "../batch/batch.ts";
import { type Square, sigmoidSquare } from "../pairMath.ts";
import { numberIn } from "../scene.ts";

/** What a cell can show. */
export const VIEWS = ["logit", "probability", "loss", "gradient"] as const;
export type View = (typeof VIEWS)[number];

export interface SquareState {
  /** Index of `STAGES`. */
  readonly stage: number;
  readonly t: number;
  readonly b: number;
  readonly view: View;
  /** The cell whose numbers are shown. */
  readonly row: number;
  readonly column: number;
}

const index = (count: number, initial = 0) => ({ initial, min: 0, max: count - 1, step: 1 });
export const RANGES = {
  stage: index(STAGES.length, STAGES.length - 1),
  t: { initial: 14, min: 1, max: 50, step: 1 },
  b: { initial: -8, min: -15, max: 5, step: 0.5 },
  row: index(MOST),
  column: index(MOST),
} as const;

export function stateOf(parameters: URLSearchParams): SquareState {
  const view = VIEWS.find((each) => each === parameters.get("view")) ?? "probability";
  const number = (name: keyof typeof RANGES): number => numberIn(parameters, name, RANGES[name]);
  return {
    stage: number("stage"),
    t: number("t"),
    b: number("b"),
    view,
    row: number("row"),
    column: number("column"),
  };
}

export const parametersOf = (state: SquareState): Record<string, number | string> => ({ ...state });

const everything = Array.from({ length: MOST }, (_, i) => i);

/** The batch of a state. */
export const squareOf = ({ stage, t, b }: SquareState): Square =>
  sigmoidSquare(similaritiesOf(stage, everything), everything, t, b);

/** The numbers that a view shows. */
export const valuesOf = (square: Square, view: View): Float64Array =>
  ({ logit: square.logits, probability: square.probabilities, loss: square.losses, gradient: square.gradients })[view];

/** One cell in words. */
export function describe(square: Square, { row, column, t, b }: SquareState): string {
  const k = row * square.n + column;
  const show = (value: number): string => value.toPrecision(3).replace("-", "−");
  const s = (square.logits[k] - b) / t;
  const matches = square.labels[k] === 1 ? "match, z = +1" : "do not match, z = −1";
  return `“${NAMES[row]}” and the picture of “${NAMES[column]}” ${matches}: s = ${show(s)}, logit ${show(square.logits[k])}, probability ${show(square.probabilities[k])}, loss ${show(square.losses[k])}, gradient ${show(square.gradients[k])}`;
}

/** Pairs of the batch that the reader guesses about. */
export const GUESSED = 128;

/** The loss of a batch of n pairs whose similarities are all 0: every logit is b. */
export const blindLoss = (n: number, b: number): number =>
  Math.log1p(Math.exp(-Math.abs(b))) * n + (b > 0 ? (n - 1) * b : -b);

/** The questions in their order: a bias, and why the loss is what it is. */
export const QUESTIONS = [
  {
    b: 0,
    name: "b = 0",
    why: "Every pair has probability ½ and costs ln 2 = 0.693. There are 128 × 128 pairs, and the sum is divided by 128: 128 × 0.693 = 88.7. Of each picture’s 128 answers 127 are “no”, so the model first has to learn to say no, which moves everything at once.",
  },
  {
    b: -10,
    name: "b = −10",
    why: "Now every pair starts at σ(−10) = 0.00005. The 127 negatives of a picture cost 127 × 0.00005 = 0.006, its positive costs 10.0: the model already says no, and all that is left is to find the matches. This is the start in the paper.",
  },
  {
    b: -Math.log(GUESSED - 1),
    name: "b = −ln 127 = −4.84",
    why: "The best constant answer: every pair starts at probability 1/128, which is how often a pair matches. The positive costs ln 128 = 4.85, the negatives together 1.00. Lower is possible only by telling pairs apart. siglip-ts starts b here; its first loss is higher all the same, since real similarities are not 0 (scene 6).",
  },
] as const;
