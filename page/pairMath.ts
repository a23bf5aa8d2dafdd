/**
 * One pair of an image and a text, in f64: the formulas of `src/siglip/loss.ts` for a single cell. Tests compare them with the dense form.
 *
 *     ℓ = t·s + b      p = σ(ℓ)      loss = −log σ(z·ℓ)      G = ∂loss/∂ℓ = −z·σ(−z·ℓ)
 */

/** +1 if image and text match, −1 if they do not. */
export type Label = 1 | -1;

/** 1/(1 + e⁻ˣ), no overflow. */
export function sigmoid(x: number): number {
  const e = Math.exp(-Math.abs(x));
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
}

/** −log σ(z·ℓ), no overflow. */
export const pairLoss = (logit: number, label: Label): number =>
  Math.max(-label * logit, 0) + Math.log1p(Math.exp(-Math.abs(logit)));

/** The gradient of the loss of a pair with respect to its logit. */
export const pairGradient = (logit: number, label: Label): number => -label * sigmoid(-label * logit);

/** A batch of n pairs, cell by cell: row i is text i, column j is picture j, [n, n]. */
export interface Square {
  readonly n: number;
  readonly logits: Float64Array;
  /** Which cells are said to match. */
  readonly labels: Int8Array;
  readonly probabilities: Float64Array;
  /** Each cell's share of n times the loss. */
  readonly losses: Float64Array;
  /** The gradient of n times the loss with respect to each logit. */
  readonly gradients: Float64Array;
  /** The loss of the batch: the sum of all cells, divided by n. */
  readonly loss: number;
}

/** Where a text and a picture match: text i with picture `matchOf[i]`. */
export type Matches = readonly number[];

const labelsOf = (matchOf: Matches): Int8Array => {
  const n = matchOf.length;
  const labels = new Int8Array(n * n).fill(-1);
  matchOf.forEach((j, i) => {
    labels[i * n + j] = 1;
  });
  return labels;
};

/** The sigmoid loss of a batch: every cell by itself. */
export function sigmoidSquare(similarities: Float64Array, matchOf: Matches, t: number, b: number): Square {
  const n = matchOf.length;
  const labels = labelsOf(matchOf);
  const logits = similarities.map((s) => t * s + b);
  const losses = logits.map((logit, k) => pairLoss(logit, labels[k] as Label));
  return {
    n,
    logits,
    labels,
    probabilities: logits.map(sigmoid),
    losses,
    gradients: logits.map((logit, k) => pairGradient(logit, labels[k] as Label)),
    loss: sum(losses) / n,
  };
}

/**
 * The softmax loss of a batch (CLIP): each row and each column is normalized to sum to 1.
 *
 *     L = −(1/2n) Σᵢ (log rowᵢ,ₘ₍ᵢ₎ + log columnᵢ,ₘ₍ᵢ₎)      n·∂L/∂ℓ = ½·(row + column) − [matches]
 *
 * A cell's probability is the mean of both; its loss is 0 where the pair does not match.
 */
export function softmaxSquare(similarities: Float64Array, matchOf: Matches, t: number): Square {
  const n = matchOf.length;
  const labels = labelsOf(matchOf);
  const logits = similarities.map((s) => t * s);
  const rows = Array.from({ length: n }, (_, i) => logSumExp(n, (j) => logits[i * n + j]));
  const columns = Array.from({ length: n }, (_, j) => logSumExp(n, (i) => logits[i * n + j]));
  const byRow = logits.map((logit, k) => logit - rows[Math.floor(k / n)]);
  const byColumn = logits.map((logit, k) => logit - columns[k % n]);
  const probabilities = byRow.map((row, k) => (Math.exp(row) + Math.exp(byColumn[k])) / 2);
  const losses = byRow.map((row, k) => (labels[k] === 1 ? -(row + byColumn[k]) / 2 : 0));
  const gradients = probabilities.map((p, k) => (labels[k] === 1 ? p - 1 : p));
  return { n, logits, labels, probabilities, losses, gradients, loss: sum(losses) / n };
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);

function logSumExp(n: number, of: (i: number) => number): number {
  const values = Array.from({ length: n }, (_, i) => of(i));
  const most = Math.max(...values);
  return most + Math.log(values.reduce((total, value) => total + Math.exp(value - most), 0));
}
