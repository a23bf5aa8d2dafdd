/** One step of the AdamW optimizer over a block of numbers. */
import type { Ptr } from "../ptr.ts";

export interface AdamWArgs {
  readonly lr: number;
  /** Fraction of the parameter that is subtracted: schedule factor · weight decay, independent of lr. */
  readonly decay: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** 1 − β1^t and 1 − β2^t. */
  readonly correction1: number;
  readonly correction2: number;
  /** Factor of the gradient (clipping). */
  readonly gradScale: number;
}

export interface AdamWKernels {
  /** One AdamW step on p [n] with moments m, v. */
  adamW(n: number, p: Ptr, g: Ptr, m: Ptr, v: Ptr, args: AdamWArgs): void;
}
