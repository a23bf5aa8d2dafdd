/** The settings of the training and everything that it has reported so far. */
import type { Point } from "../chart.ts";
import { numberIn } from "../scene.ts";
import type { Found, Report } from "./messages.ts";

/** How the kernels are chosen, as in `siglip train --kernels`. */
export const MODES = ["fast", "strict", "reference"] as const;

export interface TrainState {
  readonly seed: number;
  readonly kernels: (typeof MODES)[number];
  readonly devices: number;
  /** Factor of the learning rate of t′. */
  readonly rateOfT: number;
  readonly words: string;
}

export const RANGES = {
  seed: { initial: 0, min: 0, max: 2 ** 32 - 1, step: 1 },
  devices: { initial: 2, min: 1, max: 2, step: 1 },
  rateOfT: { initial: 1, min: 0, max: 10, step: 0.5 },
  b: { initial: -5, min: -20, max: 5, step: 0.5 },
} as const;

/** The state of an address; `most` devices can run here. */
export const stateOf = (parameters: URLSearchParams, most: number): TrainState => ({
  seed: numberIn(parameters, "seed", RANGES.seed),
  kernels: MODES.find((mode) => mode === parameters.get("kernels")) ?? "fast",
  devices: Math.min(most, numberIn(parameters, "devices", RANGES.devices)),
  rateOfT: numberIn(parameters, "rateOfT", RANGES.rateOfT),
  words: parameters.get("words") ?? "",
});

export const parametersOf = (state: TrainState): Record<string, number | string> => ({ ...state });

/** What the training has reported. */
export interface Progress {
  readonly step: number;
  readonly losses: Point[];
  readonly ts: Point[];
  readonly bs: Point[];
  readonly imageToText: Point[];
  readonly textToImage: Point[];
  readonly similarities: Float32Array | undefined;
  readonly found: readonly Found[];
  /** SHA-256 of the weights; only while the training is paused. */
  readonly weights: string;
  readonly finished: boolean;
}

export const noProgress = (): Progress => ({
  step: 0,
  losses: [],
  ts: [],
  bs: [],
  imageToText: [],
  textToImage: [],
  similarities: undefined,
  found: [],
  weights: "",
  finished: false,
});

/** The progress after a report. The lists of points grow in place, since there is one for every step. */
export function after(progress: Progress, report: Report): Progress {
  if (report.kind === "step") {
    const { step, loss, t, b } = report;
    progress.losses.push([step, loss]);
    progress.ts.push([step, t]);
    progress.bs.push([step, b]);
    return { ...progress, step, weights: "" };
  }
  if (report.kind === "seen") {
    const { step, imageToText, textToImage, similarities } = report;
    progress.imageToText.push([step, 100 * imageToText]);
    progress.textToImage.push([step, 100 * textToImage]);
    return { ...progress, similarities };
  }
  if (report.kind === "found") return { ...progress, found: report.found };
  if (report.kind === "paused") return { ...progress, weights: report.weights, finished: report.finished };
  return progress;
}
