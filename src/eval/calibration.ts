/**
 * Calibration: of the pairs to which a model gives probability p, does a share p match?
 *
 *   p = σ(t·x·y + b)
 *   bin m of M holds the pairs with m/M ≤ p < (m + 1)/M, and the last one p = 1
 *   expected calibration error (ECE) = Σ over bins of (weight of the bin / total weight) · |mean p − share that matches|
 *
 * Weights. A probability can be right only for one share of matching pairs, and training sets it: in a batch of n, a text meets
 * its own image and n − 1 others. A test set of N images has N − 1 others for each text. So a pair that does not match weighs
 * (n − 1)/(N − 1) here, as if each text met its own image and n − 1 others drawn at random; means and shares are weighted.
 *
 * Since only 1 pair in n matches, the ECE is small for every model that mostly says no: always 0 has an ECE of 1/n. Hence `perMatch`,
 * the ECE in units of that share: 1 for "always 0". A model that says 1/n of every pair is calibrated too (0), though it tells
 * nothing apart: calibration is to be read beside recall. Two images that the same text would fit count as different.
 *
 * zimg [N, d]   ztxt [M, d]   owner [M]: row of the image that text j describes
 * Source: Naeini et al. 2015; Guo et al. 2017 (equal-width bins).
 */
import { type Embeddings, scoreRow } from "./embeddings.ts";
import { EvaluationError } from "./evaluationError.ts";
import { checkPairs } from "./pairs.ts";

const BINS = 10;

/** The pairs whose predicted probability lies between two bounds. */
export interface CalibrationBin {
  readonly low: number;
  readonly high: number;
  /** Pairs of the test set, each counted once. */
  readonly pairs: number;
  /** Mean predicted probability, weighted. */
  readonly predicted: number;
  /** Share of pairs that match, weighted. */
  readonly observed: number;
}

/** How far predicted probabilities are from the shares of pairs that match. */
export interface Calibration {
  /** Those that hold a pair, in order: the reliability curve. */
  readonly bins: readonly CalibrationBin[];
  /** Expected calibration error, 0..1. */
  readonly ece: number;
  /** The ECE divided by the share of pairs that match, 1/n: the error in units of the number of matches. */
  readonly perMatch: number;
}

/** The model's temperature and bias, and the number of images that a text chooses from. */
export interface CalibrationOptions {
  readonly t: number;
  readonly b: number;
  /** n: the batch of the training. */
  readonly candidates: number;
  /** Is called for each image. */
  readonly progress?: () => void;
}

/** Calibration of σ(t·x·y + b) over all pairs, in ten bins of equal width. O(N·M·d) time. Throws `EvaluationError`. */
export function calibration(
  zimg: Embeddings,
  ztxt: Embeddings,
  owner: ArrayLike<number>,
  { t, b, candidates, progress = () => {} }: CalibrationOptions,
): Calibration {
  const { images, d } = checkPairs("calibration", zimg, ztxt, owner);
  const texts = owner.length;
  if (images < 2) throw new EvaluationError("calibration: one image; without a second one no pair can fail to match");
  if (!(candidates > 1 && Number.isFinite(candidates))) {
    throw new EvaluationError(`calibration: ${candidates} candidates; use the batch of the training, at least 2`);
  }
  if (!Number.isFinite(t) || !Number.isFinite(b)) {
    throw new EvaluationError(`calibration: t = ${t} and b = ${b} must be finite (did training diverge?)`);
  }
  const otherWeight = (candidates - 1) / (images - 1);
  const sums = Array.from({ length: BINS }, () => ({ pairs: 0, weight: 0, predicted: 0, matching: 0 }));
  const row = new Float64Array(texts);
  for (let i = 0; i < images; i++) {
    progress();
    scoreRow(zimg, i, ztxt, d, row);
    for (let j = 0; j < texts; j++) {
      const p = 1 / (1 + Math.exp(-(t * row[j] + b)));
      const bin = sums[Math.min(BINS - 1, Math.floor(p * BINS))];
      const matches = owner[j] === i;
      const weight = matches ? 1 : otherWeight;
      bin.pairs++;
      bin.weight += weight;
      bin.predicted += weight * p;
      if (matches) bin.matching++;
    }
  }
  const error = sums.reduce((sum, { predicted, matching }) => sum + Math.abs(predicted - matching), 0);
  const bins = sums.flatMap(({ pairs, weight, predicted, matching }, m) => {
    if (pairs === 0) return [];
    return [{ low: m / BINS, high: (m + 1) / BINS, pairs, predicted: predicted / weight, observed: matching / weight }];
  });
  return { bins, ece: error / (texts * candidates), perMatch: error / texts };
}
