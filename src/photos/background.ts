/**
 * How probable it is that a picture matches a query, judged by how the query scores in the whole index.
 *
 *   ℓ(s) = t·s + b                              the log-odds of the model for a text
 *   r(s) = t·(s − m) − (t·σ)²/2 − ln n          the log-odds against the background
 *   p(s) = σ(½·ℓ + ½·r)
 *
 * The background of a query is its scores s with all n pictures, of which next to none match: about normal with median m and
 * deviation σ (of the median absolute deviation, which matches hardly move). t·s is the log of a density ratio, p(picture | text)
 * / p(picture), up to a term of the text alone, since that is what minimises the sigmoid loss, as it does a softmax loss. The mean of
 * exp(t·s) over the background, exp(t·m + (t·σ)²/2), is that term, so r is the log of the ratio itself; ln n is the prior that one
 * picture of the index matches.
 *
 * Where b holds, for texts as in training and about as many candidates, ℓ is the better judge; r knows the query and the index. Their
 * mean was as good as or better than each in what was measured (docs/PHOTOS.md). A query with an image has no ℓ: two images score
 * higher than an image and a text.
 */

/** What scores of a query mean. */
export interface Background {
  /** Log-odds of a match: slope · score + offset. */
  readonly slope: number;
  readonly offset: number;
  /** Probability that a picture with this score matches. */
  probability(score: number): number;
}

/** Fewest pictures from which a background is estimated. */
const FEWEST = 20;

/** Median absolute deviation of a normal distribution over its standard deviation. */
const MAD = 0.6745;

/**
 * The background of a query in an index of `count` pictures, from the scores of all or of a sample of them. `bias`: b, for a text and
 * a model that gives probabilities.
 */
export function backgroundOf(scores: Float64Array, count: number, t: number, bias: number | undefined): Background {
  if (count < FEWEST && bias !== undefined) return linear(t, bias);
  const m = median(scores);
  const deviation = median(scores.map((score) => Math.abs(score - m))) / MAD;
  const shift = t * m + (t * deviation) ** 2 / 2 + Math.log(Math.max(1, count));
  return linear(t, bias === undefined ? -shift : (bias - shift) / 2);
}

const linear = (slope: number, offset: number): Background => ({
  slope,
  offset,
  probability: (score) => 1 / (1 + Math.exp(-(slope * score + offset))),
});

/** The middle of the values, the upper one of two; 0 if there is none. */
const median = (values: Float64Array): number => values.toSorted()[values.length >> 1] ?? 0;
