/** The faults of the museum, the settings of their training, and what has been reported so far. */
import type { Point } from "../chart.ts";
import { numberIn } from "../scene.ts";
import type { Report } from "./messages.ts";

export const BATCH = 64;
export const STEPS = 300;
/** Steps between two measurements of recall. */
export const RECALL_EVERY = 25;
/** Where t starts. */
export const T_INIT = 10;

/** A fault: its change of the formula, and what one sees of it. */
interface Fault {
  readonly title: string;
  /** Before the training. */
  readonly change: string;
  /** After the training. `test/page/scenes.browser.ts` checks it. */
  readonly seen: string;
}

export const FAULTS = {
  nSquared: {
    title: "÷ n²",
    change:
      "The mean is taken over all n² pairs, in place of the sum over texts and mean over images: ÷ n² for ÷ n, where n is the size of the batch (B in scene 2).",
    seen: "The loss is n times as small and looks wonderful, but recall is about the same, rather a little lower. Adam divides every gradient by its own size, so it hides the fault; with SGD it would be a learning rate n times as small.",
  },
  noBias: {
    title: "no bias",
    change: "ℓ = t·s. Without b every pair starts at probability ½, and 63 of 64 are “no”.",
    seen: "The first loss is eight times as high. Training must push all pairs apart to say “no”, and only then looks for the matches: recall comes late and stays lower.",
  },
  biasZero: {
    title: "b starts at 0",
    change: "b is there and is trained, but starts at 0, not at −ln 63 = −4.1.",
    seen: "It begins as without a bias. b moves by at most its learning rate in a step, so it is still far from where it should have started, and recall comes late.",
  },
  localNegatives: {
    title: "local negatives",
    change: "Eight devices with 8 pairs each, and nobody sends its texts: a picture meets 8 texts in place of 64.",
    seen: "The loss is lower, since 56 of 63 negatives of each picture are missing. It is not the same loss, so the curves cannot be compared; recall can, and ends lower.",
  },
  labelSign: {
    title: "label sign",
    change: "z has the wrong sign: −1 for pairs that match, +1 for all others.",
    seen: "The loss falls as if all were well: the model learns to say “yes” to all but the right one. Recall is that of chance, or below it.",
  },
  rawT: {
    title: "t not exponentiated",
    change: "t = t′ in place of t = exp t′. It starts at ln 10 = 2.3 and moves by steps that do not grow with it.",
    seen: "t stays small, so probabilities cannot come near 0 and 1, and the loss ends more than twice as high. Recall does not show it: the order of texts does not depend on t. In this small training it is even higher.",
  },
  detachedTexts: {
    title: "detached texts",
    change:
      "Texts that came from another of eight devices count in the loss but get no gradient, as after a plain gather.",
    seen: "The first loss is that of the right one, so no test of the loss notices. The texts learn from 8 pictures in place of 64, and recall ends far lower. Only a test of the gradients finds it.",
  },
  softmax: {
    title: "softmax",
    change: "No fault, another loss: that of CLIP, with which scene 3 compares the sigmoid.",
    seen: "Its loss counts other things, so the curves cannot be compared. Recall ends about as high in this small training. What it costs shows on several devices: the sums of whole rows and columns are needed first, so each block is computed twice, or all logits are kept.",
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
/** A loss: one with a fault, or the right one. */
export type LossName = FaultName | "right";
export const FAULT_NAMES = Object.keys(FAULTS) as FaultName[];

export interface FaultState {
  readonly fault: FaultName;
  readonly seed: number;
}

export const stateOf = (parameters: URLSearchParams): FaultState => ({
  fault: FAULT_NAMES.find((name) => name === parameters.get("fault")) ?? "nSquared",
  seed: numberIn(parameters, "seed", { initial: 0, min: 0, max: 2 ** 32 - 1, step: 1 }),
});

export const parametersOf = (state: FaultState): Record<string, number | string> => ({ ...state });

/** What a training has reported. The lists grow in place, since there is a report for every step. */
export interface Progress {
  readonly losses: Point[];
  readonly recalls: Point[];
  /** t, which is t′ where it is not exponentiated. */
  t: number;
  b: number;
}

export const noProgress = (): Progress => ({ losses: [], recalls: [], t: Number.NaN, b: Number.NaN });

/** Adds a report. */
export function receive(progress: Progress, report: Report): void {
  if (report.kind === "recall") progress.recalls.push([report.step, 100 * report.recall]);
  else {
    progress.losses.push([report.step, report.loss]);
    progress.t = report.t;
    progress.b = report.b;
  }
}

/** Whether all steps and the last recall have come. */
export const isFinished = ({ recalls }: Progress): boolean => recalls.at(-1)?.[0] === STEPS;
