/** One step of stochastic gradient descent with momentum over a block of numbers. */
import type { Ptr } from "../ptr.ts";

export interface SgdArgs {
  readonly lr: number;
  /** Fraction of the parameter that is subtracted. */
  readonly decay: number;
  readonly momentum: number;
  /** Whether the gradient is taken where the momentum leads. */
  readonly nesterov: boolean;
  /** Factor of the gradient (clipping). */
  readonly gradScale: number;
}

export interface SgdKernels {
  /** One step of gradient descent on p [n] with momentum m. */
  sgd(n: number, p: Ptr, g: Ptr, m: Ptr, args: SgdArgs): void;
}
