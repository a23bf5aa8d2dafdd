/** One step of the Adafactor optimizer over a block of numbers. */
import type { Ptr } from "../ptr.ts";

/** Sizes of a parameter [outer, rows, middle, cols] whose second moment is factored over rows and cols. */
export interface FactoredSizes {
  readonly outer: number;
  readonly rows: number;
  readonly middle: number;
  readonly cols: number;
}

export interface AdafactorArgs {
  readonly lr: number;
  /** Fraction of the parameter that is subtracted. */
  readonly decay: number;
  readonly beta1: number;
  /** Whether the momentum is stored as bfloat16 numbers, and β₁ is one; 1 − β₁ is not rounded. */
  readonly bfloat16: boolean;
  readonly beta2: number;
  /** Is added to g². */
  readonly eps: number;
  /** Factor of the gradient (clipping). */
  readonly gradScale: number;
}

export interface AdafactorKernels {
  /** One Adafactor step on p [n] with momentum m and second moment v. */
  adafactor(n: number, p: Ptr, g: Ptr, m: Ptr, v: Ptr, args: AdafactorArgs): void;
  /** The same with the means of v over cols and over rows: vRow [outer, rows, middle], vColumn [outer, middle, cols]. */
  adafactorFactored(sizes: FactoredSizes, p: Ptr, g: Ptr, m: Ptr, vRow: Ptr, vColumn: Ptr, args: AdafactorArgs): void;
}
