/**
 * Few-shot linear probe: how well frozen features separate classes, given k labelled images of each.
 *
 *   x̂ = [(x − μ) / (s + 1e-5), 100]   μ, s: mean and standard deviation of the training rows, per feature
 *   W = (X̂ᵀX̂ + λI)⁻¹ X̂ᵀY = X̂ᵀ(X̂X̂ᵀ + λI)⁻¹ Y,   Y = ±1 with a column per class,   λ = 1024
 *   prediction = argmax of x̂·W
 *
 * The constant feature is large, so that ridge regression hardly shrinks the intercept. Of the two equal forms of W the one with
 * the smaller matrix is solved. Features are those before a tower's head and normalization. Ties go to the lower class.
 *
 * x [N, d]   X̂ [N, d + 1]   W [d + 1, C]
 * Source: big_vision, evaluators/fewshot_lsr.py; SigLIP, figure 4 (10 shots on ImageNet).
 */
import { solvePositiveDefinite } from "./cholesky.ts";
import { type Embeddings, rowsOf, scoreRow } from "./embeddings.ts";
import { EvaluationError } from "./evaluationError.ts";

const L2 = 1024;
const CONSTANT = 100;
const EPSILON = 1e-5; // a feature may be constant

/** Features of images with their classes. */
export interface LabelledFeatures {
  /** [N, d] */
  readonly x: Embeddings;
  /** Class of each row, an index from 0. */
  readonly labels: ArrayLike<number>;
}

/** A fitted linear probe. */
export interface Probe {
  /** [d]: mean of each feature over the training rows. */
  readonly mean: Float64Array;
  /** [d]: standard deviation of each feature over the training rows, plus 1e-5. */
  readonly deviation: Float64Array;
  /** [d + 1, C]; the last row belongs to the constant feature. */
  readonly weights: Float64Array;
}

/** Fits a probe on all rows. Throws `EvaluationError` for a label that is not one of `classes`, or features that are not finite. */
export function fitProbe({ x, labels }: LabelledFeatures, classes: number): Probe {
  const rows = labels.length;
  const d = widthOf("fitProbe", { x, labels }, classes);
  const { mean, deviation } = moments(x, rows, d);
  const features = whitened(x, rows, { mean, deviation });
  const targets = new Float64Array(rows * classes).fill(-1);
  for (let i = 0; i < rows; i++) targets[i * classes + labels[i]] = 1;

  const width = d + 1;
  const transposed = transpose(features, rows, width);
  const weights =
    rows >= width
      ? solvePositiveDefinite(
          regularizedGram(transposed, width, rows),
          product(transposed, targets, width, rows),
          width,
        )
      : product(transposed, solvePositiveDefinite(regularizedGram(features, rows, width), targets, rows), width, rows);
  return { mean, deviation, weights };
}

/** The class that the probe predicts for each row of `x` [N, d]. */
export function probePredictions({ mean, deviation, weights }: Probe, x: Embeddings): Int32Array {
  const d = mean.length;
  const rows = rowsOf("probePredictions", "x", x, d);
  const classes = weights.length / (d + 1);
  // Features may be whole images, so rows are not whitened: x̂·W = (x − μ)·V + 100·w with V = W/s and w the last row of W.
  const perFeature = new Float64Array(classes * d); // Vᵀ [C, d]
  for (let k = 0; k < d; k++) {
    for (let c = 0; c < classes; c++) perFeature[c * d + k] = weights[k * classes + c] / deviation[k];
  }
  const row = new Float64Array(d);
  const scores = new Float64Array(classes);
  return Int32Array.from({ length: rows }, (_, i) => {
    for (let k = 0; k < d; k++) row[k] = x[i * d + k] - mean[k];
    scoreRow(row, 0, perFeature, d, scores);
    let best = 0;
    for (let c = 0; c < classes; c++) {
      scores[c] += CONSTANT * weights[d * classes + c];
      if (scores[c] > scores[best]) best = c;
    }
    return best;
  });
}

/** What `fewShotProbe` fits and tests. */
export interface FewShotProbe {
  readonly train: LabelledFeatures;
  readonly test: LabelledFeatures;
  readonly classes: number;
  /**
   * For each seed the training rows in the order in which they are taken: the probe with k shots gets the first k rows of each
   * class, or all of a class that has fewer. Usually `seeds.map((seed) => new Rng(seed).permutation(N))`.
   */
  readonly orders: readonly ArrayLike<number>[];
  /** Numbers of training rows per class; 1, 5, 10 and 25 by default. */
  readonly shots?: readonly number[];
}

/** Accuracy of the probes with k rows of each class. */
export interface FewShotAccuracy {
  readonly shots: number;
  /** Each in 0..1: of every order, and their mean. */
  readonly accuracy: { readonly mean: number; readonly seeds: readonly number[] };
}

/** Accuracy on the test rows of a probe for each number of shots and each order. Throws `EvaluationError`. */
export function fewShotProbe({
  train,
  test,
  classes,
  orders,
  shots = [1, 5, 10, 25],
}: FewShotProbe): FewShotAccuracy[] {
  const d = widthOf("fewShotProbe: train", train, classes);
  const testWidth = widthOf("fewShotProbe: test", test, classes);
  if (testWidth !== d) {
    throw new EvaluationError(`fewShotProbe: train has ${d} features and test ${testWidth}; take both from one model`);
  }
  if (orders.length < 1) throw new EvaluationError("fewShotProbe: no orders; give one for each seed");
  return shots.map((count) => {
    const seeds = orders.map((order) => {
      const probe = fitProbe(rowsAt(train, firstOfEachClass(order, train.labels, count), d), classes);
      const predictions = probePredictions(probe, test.x);
      return predictions.filter((prediction, i) => prediction === test.labels[i]).length / predictions.length;
    });
    return { shots: count, accuracy: { mean: seeds.reduce((a, b) => a + b, 0) / seeds.length, seeds } };
  });
}

/** The first `count` rows of each class in an order of rows. */
function firstOfEachClass(order: ArrayLike<number>, labels: ArrayLike<number>, count: number): number[] {
  if (!Number.isInteger(count) || count < 1) {
    throw new EvaluationError(`fewShotProbe: ${count} shots; use an integer of at least 1`);
  }
  const taken = new Map<number, number>();
  return Array.from(order).filter((row) => {
    const label = labels[row];
    if (label === undefined) {
      throw new EvaluationError(`fewShotProbe: row ${row} of an order is not in 0..${labels.length - 1}`);
    }
    const before = taken.get(label) ?? 0;
    taken.set(label, before + 1);
    return before < count;
  });
}

function rowsAt({ x, labels }: LabelledFeatures, rows: readonly number[], d: number): LabelledFeatures {
  const chosen = new Float64Array(rows.length * d);
  rows.forEach((row, i) => {
    chosen.set(x.subarray(row * d, (row + 1) * d), i * d);
  });
  return { x: chosen, labels: rows.map((row) => labels[row]) };
}

/** The number of features, after checking rows and labels. */
function widthOf(op: string, { x, labels }: LabelledFeatures, classes: number): number {
  const d = x.length / labels.length;
  if (!Number.isInteger(d) || d < 1) {
    throw new EvaluationError(
      `${op}: x holds ${x.length} numbers for ${labels.length} labels; rows must have equal width`,
    );
  }
  rowsOf(op, "x", x, d);
  for (let i = 0; i < labels.length; i++) {
    if (!Number.isInteger(labels[i]) || labels[i] < 0 || labels[i] >= classes) {
      throw new EvaluationError(`${op}: row ${i} has class ${labels[i]}, which is not in 0..${classes - 1}`);
    }
  }
  return d;
}

/** Mean, and population standard deviation plus ε, of each column. */
function moments(x: Embeddings, rows: number, d: number): Pick<Probe, "mean" | "deviation"> {
  const mean = new Float64Array(d);
  const deviation = new Float64Array(d);
  for (let i = 0; i < rows; i++) for (let k = 0; k < d; k++) mean[k] += x[i * d + k] / rows;
  for (let i = 0; i < rows; i++) for (let k = 0; k < d; k++) deviation[k] += (x[i * d + k] - mean[k]) ** 2 / rows;
  return { mean, deviation: deviation.map((variance) => Math.sqrt(variance) + EPSILON) };
}

/** X̂ [N, d + 1]. */
function whitened(x: Embeddings, rows: number, { mean, deviation }: Pick<Probe, "mean" | "deviation">): Float64Array {
  const d = mean.length;
  const out = new Float64Array(rows * (d + 1)).fill(CONSTANT);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < d; k++) out[i * (d + 1) + k] = (x[i * d + k] - mean[k]) / deviation[k];
  }
  return out;
}

/** A·Aᵀ + λI [rows, rows] for A [rows, columns]; the lower triangle alone. */
function regularizedGram(a: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(rows * rows);
  for (let i = 0; i < rows; i++) {
    scoreRow(a, i, a, columns, out.subarray(i * rows, i * rows + i + 1));
    out[i * rows + i] += L2;
  }
  return out;
}

/** A·B [n, m] for A [n, inner] and B [inner, m]. */
function product(a: Float64Array, b: Float64Array, n: number, inner: number): Float64Array {
  const m = b.length / inner;
  const out = new Float64Array(n * m);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < inner; k++) {
      for (let j = 0; j < m; j++) out[i * m + j] += a[i * inner + k] * b[k * m + j];
    }
  }
  return out;
}

function transpose(a: Float64Array, rows: number, columns: number): Float64Array {
  const out = new Float64Array(a.length);
  for (let i = 0; i < rows; i++) for (let k = 0; k < columns; k++) out[k * rows + i] = a[i * columns + k];
  return out;
}
