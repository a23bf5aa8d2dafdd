/**
 * The functions of a network and their derivatives, one f64 number at a time: the oracle of every faster form.
 *
 *     σ(x) = 1/(1 + e⁻ˣ)      softplus(x) = log(1 + eˣ)      log σ(x) = −softplus(−x)
 *     gelu(x) = ½·x·(1 + tanh(u/2)) = x·σ(u)      u = 2·√(2/π)·(x + 0.044715·x³)
 *     geluErf(x) = ½·x·(1 + erf(x/√2)) = x·Φ(x)      Φ, φ the normal distribution and its density
 *
 * e = exp(−|x|) never overflows, and nothing cancels where the result is small.
 */

export const sigmoid = (x: number): number => {
  const e = Math.exp(-Math.abs(x)); // never overflows
  return x >= 0 ? 1 / (1 + e) : e / (1 + e);
};
export const sigmoidDerivative = (x: number): number => sigmoid(x) * sigmoid(-x);

export const softplus = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
export const softplusDerivative = sigmoid;

export const logSigmoid = (x: number): number => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x)));
export const logSigmoidDerivative = (x: number): number => sigmoid(-x);

/** sech² x, accurate in its tail, where 1 − tanh² x would cancel. */
export const tanhDerivative = (x: number): number => {
  const e = Math.exp(-2 * Math.abs(x));
  return (4 * e) / ((1 + e) * (1 + e));
};

const GELU_A = Math.sqrt(2 / Math.PI);
const GELU_B = 0.044715; // Hendrycks & Gimpel 2016, arXiv:1606.08415, tanh form
/** x·σ(u) keeps the digits of the tail, where 1 + tanh(u/2) would be 0. */
const geluArgument = (x: number): number => 2 * GELU_A * (x + GELU_B * x * x * x);
export const gelu = (x: number): number => x * sigmoid(geluArgument(x));
/** gelu′(x) = σ(u) + x·u′·σ′(u) */
export const geluDerivative = (x: number): number => {
  const u = geluArgument(x);
  // σ′(u) is 0 long before x² could overflow to ∞·0.
  const slope = sigmoid(u) * sigmoid(-u);
  return sigmoid(u) + (slope === 0 ? 0 : x * slope * 2 * GELU_A * (1 + 3 * GELU_B * x * x));
};

const normalDensity = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);

/**
 * Φ(−x) for x ≥ 0, where 1 − Φ(x) would cancel: below 1 by the series φ(x)·(x + x³/3 + x⁵/15 + ...) of ½ − Φ(−x), from 1 on by
 * Laplace's continued fraction φ(x) / (x + 1/(x + 2/(x + 3/...))). Both to the last digits of f64.
 *
 * Marsaglia 2004, "Evaluating the Normal Distribution", Journal of Statistical Software 11(4).
 */
function normalTail(x: number): number {
  const square = x * x;
  if (x < 1) {
    let sum = x;
    let term = x;
    for (let n = 3; n < 33; n += 2) {
      term *= square / n;
      sum += term;
    }
    return 0.5 - normalDensity(x) * sum;
  }
  let fraction = x;
  for (let n = Math.ceil(10 + 400 / square); n > 0; n--) fraction = x + n / fraction;
  return normalDensity(x) / fraction;
}
const normal = (x: number): number => (x < 0 ? normalTail(-x) : 1 - normalTail(x));

export const geluErf = (x: number): number => Math.max(x, -40) * normal(x); // Φ(−40) is 0: no −∞·0
/** geluErf′(x) = Φ(x) + x·φ(x) */
export const geluErfDerivative = (x: number): number => {
  const density = normalDensity(x);
  return normal(x) + (density === 0 ? 0 : x * density);
};
