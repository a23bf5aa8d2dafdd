/**
 * The functions of a network and their derivatives, one f64 number at a time: what every faster form is judged by.
 *
 *     σ(x) = 1/(1 + e⁻ˣ)      softplus(x) = log(1 + eˣ)      log σ(x) = −softplus(−x)
 *     gelu(x) = ½·x·(1 + tanh(u/2)) = x·σ(u)      u = 2·√(2/π)·(x + 0.044715·x³)
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

/** sech² x, with its tail: 1 − tanh² x would cancel. */
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
