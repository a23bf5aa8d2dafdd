/** The steps of the Adafactor optimizer: the mean squares of a gradient along two axes, and the updates. */
import type { Ptr } from "../ptr.ts";

/** Sizes of a gradient [outer, rows, middle, cols] whose second moment is factored over rows and cols. */
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
  /** Factor of the gradient (clipping). */
  readonly gradScale: number;
}

export interface FullMomentArgs extends AdafactorArgs {
  readonly beta2: number;
  /** Is added to g². */
  readonly eps: number;
}

export interface AdafactorKernels {
  /** Means of (gradScale·g)² over cols and over rows: byRow [outer, rows, middle], byColumn [outer, middle, cols]. */
  meanSquares(sizes: FactoredSizes, g: Ptr, gradScale: number, byRow: Ptr, byColumn: Ptr): void;
  /** One step on p with momentum m; 1/√v is rowFactor [outer, rows, middle] times columnFactor [outer, middle, cols]. */
  adafactorFactored(
    sizes: FactoredSizes,
    p: Ptr,
    g: Ptr,
    m: Ptr,
    rowFactor: Ptr,
    columnFactor: Ptr,
    args: AdafactorArgs,
  ): void;
  /** One step on p [n] with momentum m and the whole second moment v. */
  adafactor(n: number, p: Ptr, g: Ptr, m: Ptr, v: Ptr, args: FullMomentArgs): void;
}
