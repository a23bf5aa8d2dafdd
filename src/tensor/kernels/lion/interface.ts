/** One step of the Lion optimizer over a block of numbers. */
import type { Ptr } from "../ptr.ts";

export interface LionArgs {
  readonly lr: number;
  /** Fraction of the parameter that is subtracted. */
  readonly decay: number;
  readonly beta1: number;
  readonly beta2: number;
  /** Factor of the gradient (clipping). */
  readonly gradScale: number;
}

export interface LionKernels {
  /** One Lion step on p [n] with momentum m. */
  lion(n: number, p: Ptr, g: Ptr, m: Ptr, args: LionArgs): void;
}
