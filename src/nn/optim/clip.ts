/** Clipping by the global norm: all gradients form one vector, scaled down if it is too long. */
import { sumSquares, type Tensor } from "../../tensor/index.ts";

/** √Σ g² over all tensors, accumulated in f64. */
export function globalNorm(gradients: readonly Tensor[]): number {
  let squares = 0;
  for (const g of gradients) squares += sumSquares(g);
  return Math.sqrt(squares);
}

/** The factor that scales `norm` down to `limit`; 1 if it is not above. */
export const clipFactor = (norm: number, limit: number): number => (norm > limit ? limit / norm : 1);
