/**
 * Error bounds of a loss computed in floating point: they follow from the data instead of a fixed rtol.
 *
 *     γₙ = n·u/(1 − n·u)        |fl(⟨x, y⟩) − ⟨x, y⟩| ≤ γ_D·‖x‖‖y‖, whatever the order of the sum (Higham 2002, ch. 3)
 *     |δℓ| ≤ ε = a·‖x‖‖y‖·(γ_D + (C + 2)u) + 2u|b|
 *
 * The effect of ε on softplus and σ is their change to ℓ ± ε. Gradients are sums of products: γ once more.
 *
 * u: unit roundoff. C: units that exp, softplus and σ of a kernel may err by. a = exp t′.
 */
import { type Pairs, type Reference, sigmoid, softplus } from "./referenceLoss.ts";

export const U32 = 2 ** -24;
export const U64 = 2 ** -53;
const C = 6;

export const gamma = (n: number, u: number): number => (n * u) / (1 - n * u);

export interface Bounds {
  /** [n, n] */
  readonly logits: Float64Array;
  readonly loss: number;
  readonly dX: Float64Array;
  readonly dY: Float64Array;
  readonly dTPrime: number;
  readonly dB: number;
}

/** The largest change of f when its argument changes by `error`, and the rounding of f itself. */
const change = (f: (x: number) => number, at: number, error: number, u: number): number => {
  const value = f(at);
  return Math.max(Math.abs(f(at + error) - value), Math.abs(f(at - error) - value)) + C * u * value;
};

const norms = (rows: Float64Array, n: number, d: number): Float64Array =>
  Float64Array.from({ length: n }, (_, i) => Math.hypot(...rows.subarray(i * d, (i + 1) * d)));

/** Bounds of the sigmoid loss and its gradients at unit roundoff `u`. */
export function lossBounds(pairs: Pairs, { logits, dLogits, loss }: Reference, u: number): Bounds {
  const { n, d, x, y, b } = pairs;
  const a = Math.exp(pairs.tPrime);
  const [xNorm, yNorm] = [norms(x, n, d), norms(y, n, d)];
  const tiny = u === U32 ? 2 ** -149 : 2 ** -1074; // the loss of one underflow
  // The fast σ of f32 gives 0 below ℓ = −87.3, where its value is the smallest normal number.
  const flushed = u === U32 ? 2 ** -125 : 0;
  const errors = new Float64Array(n * n);
  const dX = new Float64Array(n * d).fill(tiny * n * (a + 1));
  const dY = new Float64Array(n * d).fill(tiny * n * (a + 1));
  let lossError = 4 * u * loss + n * n * (U64 * loss + tiny);
  let dTPrime = n * n * d * tiny * (a + 1);
  let dB = tiny;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      const index = i * n + j;
      const reach = a * xNorm[i] * yNorm[j];
      const error = reach * (gamma(d, u) + (C + 2) * u) + 2 * u * Math.abs(b) + tiny * d * (a + 1);
      errors[index] = error;
      const g = Math.abs(dLogits[index]);
      const wrong = i === j ? -logits[index] : logits[index]; // −z·ℓ
      lossError += change(softplus, wrong, error, u) / n;
      const gError = (change(sigmoid, wrong, error, u) + flushed) / n + tiny;
      // `logits − b` is a·⟨x, y⟩, the summand of ∂t′.
      dTPrime +=
        gError * Math.abs(logits[index] - b) +
        (g + gError) * (reach * gamma(d + C, u) + n * n * U64 * reach + U64 * Math.abs(b));
      dB += gError + C * u * g + n * n * U64 * g;
      for (let k = 0; k < d; k++) {
        const weight = a * (gError + (g + gError) * gamma(n + C + 3, u));
        dX[i * d + k] += weight * Math.abs(y[j * d + k]);
        dY[j * d + k] += weight * Math.abs(x[i * d + k]);
      }
    }
  }
  return { logits: errors, loss: lossError, dX, dY, dTPrime, dB };
}
