/**
 * Zero-shot classification: a class is the mean direction of its prompts; an image gets the class with the highest score.
 *
 *   w_c = m_c / (‖m_c‖ + ε),   m_c = mean of the text embeddings of the prompts of class c,   ε = 1e-8
 *   prediction(x) = argmax_c x·w_c
 *
 * Temperature and bias do not change the argmax. Ties go to the lower class index.
 * zimg [N, d]   ztxt [P, d]   w [C, d]   scores [N, C]
 * Source: big_vision, evaluators/proj/image_text/discriminative_classifier.py.
 */
import { type Embeddings, rowsOf, scoreRow } from "./embeddings.ts";
import { EvaluationError } from "./evaluationError.ts";

const EPSILON = 1e-8; // as in big_vision: the prompts of a class may cancel

/** A unit vector for each class [C, d] from the embeddings of its prompts; `labels[p]` is the class of prompt p. */
export function classEmbeddings(ztxt: Embeddings, labels: ArrayLike<number>, classes: number): Float64Array {
  const prompts = labels.length;
  const d = ztxt.length / prompts;
  if (!Number.isInteger(d) || d < 1) {
    throw new EvaluationError(`classEmbeddings: ztxt holds ${ztxt.length} numbers for ${prompts} prompts`);
  }
  rowsOf("classEmbeddings", "ztxt", ztxt, d);
  const w = new Float64Array(classes * d);
  const counts = new Uint32Array(classes);
  for (let p = 0; p < prompts; p++) {
    const c = labels[p];
    if (!Number.isInteger(c) || c < 0 || c >= classes) {
      throw new EvaluationError(`classEmbeddings: prompt ${p} has class ${c}, which is not in 0..${classes - 1}`);
    }
    counts[c]++;
    for (let k = 0; k < d; k++) w[c * d + k] += ztxt[p * d + k];
  }
  for (let c = 0; c < classes; c++) {
    if (counts[c] === 0) throw new EvaluationError(`classEmbeddings: class ${c} has no prompt`);
    const row = w.subarray(c * d, (c + 1) * d);
    let squares = 0;
    for (let k = 0; k < d; k++) {
      row[k] /= counts[c];
      squares += row[k] * row[k];
    }
    const norm = Math.sqrt(squares) + EPSILON;
    for (let k = 0; k < d; k++) row[k] /= norm;
  }
  return w;
}

/** Scores and predictions of images. */
export interface ZeroShot {
  /** [N, C] row-major. */
  readonly scores: Float64Array;
  /** Class of each image. */
  readonly predictions: Int32Array;
}

/** Scores of every image with every class, and the best class. */
export function zeroShot(zimg: Embeddings, w: Embeddings, classes: number): ZeroShot {
  const d = w.length / classes;
  if (!Number.isInteger(d) || d < 1) {
    throw new EvaluationError(`zeroShot: class embeddings hold ${w.length} numbers for ${classes} classes`);
  }
  rowsOf("zeroShot", "class embeddings", w, d);
  const images = rowsOf("zeroShot", "zimg", zimg, d);
  const scores = new Float64Array(images * classes);
  const predictions = new Int32Array(images);
  for (let i = 0; i < images; i++) {
    const row = scores.subarray(i * classes, (i + 1) * classes);
    scoreRow(zimg, i, w, d, row);
    for (let c = 1; c < classes; c++) if (row[c] > row[predictions[i]]) predictions[i] = c;
  }
  return { scores, predictions };
}

/** Correct predictions. */
export interface Accuracy {
  readonly correct: number;
  /** Images that have a label; others are left out, as in ReaL. */
  readonly count: number;
  /** correct / count; NaN if no image has a label. */
  readonly accuracy: number;
}

/** Counts the images whose prediction is one of their labels. */
export function accuracy(predictions: ArrayLike<number>, labels: readonly (readonly number[])[]): Accuracy {
  if (predictions.length !== labels.length) {
    throw new EvaluationError(`accuracy: ${predictions.length} predictions for ${labels.length} lists of labels`);
  }
  const count = labels.filter((own) => own.length > 0).length;
  const correct = labels.filter((own, i) => own.includes(predictions[i])).length;
  return { correct, count, accuracy: correct / count };
}
