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
