/** What big_vision allows: f64 as the file says; f32 four times what its own 32-bit run loses. */
import type { DType, Tensor } from "../../../src/tensor/index.ts";
import { expectClose, type Golden } from "../../support/goldens.ts";

/** Largest difference between big_vision's 32-bit and 64-bit run, by tensor. */
export type Measured = Record<string, { readonly abs: number }>;

export interface Allowance {
  readonly f64: number;
  readonly measured: Measured;
  /** Size of the terms that cancel in the result, where that is more than the result. */
  readonly scale?: number;
}

/** Four roundings of the result itself: what f32 may lose where big_vision's run happens to lose nothing. */
const ROUNDING = 2 ** -22;

/**
 * Size of the terms whose sum is the gradient of b or of t′, where they cancel: Σ |G| and t·Σ |G|, with G the gradient of
 * the logits t·S + b of the sigmoid loss. (A cosine S carries the roundings of numbers of the size of 1.)
 */
export function cancelling(zimg: Tensor, ztxt: Tensor, tPrime: number, b: number): { b: number; t: number } {
  const [n, d] = zimg.shape;
  const [x, y] = [zimg.data, ztxt.data];
  const t = Math.exp(tPrime);
  let total = 0;
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let cosine = 0;
      for (let k = 0; k < d; k++) cosine += x[i * d + k] * y[j * d + k];
      total += Math.abs(1 / (1 + Math.exp(-t * cosine - b)) - (i === j ? 1 : 0)) / n;
    }
  }
  return { b: total, t: t * total };
}

/** Compares under the rule of the golden vectors. `key` is the tensor's name in `measured`. */
export function expectAsBigVision(
  actual: Tensor | number,
  golden: Golden,
  dtype: DType,
  key: string,
  { f64, measured, scale = 0 }: Allowance,
): void {
  if (dtype === "f64") {
    expectClose(actual, golden, { tolerance: f64, scale });
    return;
  }
  if (!(key in measured)) throw new Error(`${golden.name}: no measured float32 error under ${key}`);
  let largest = scale;
  for (const x of golden.data) largest = Math.max(largest, Math.abs(x));
  const s = largest < 1e-12 ? 1 : largest;
  expectClose(actual, golden, { tolerance: Math.max((4 * measured[key].abs) / s, ROUNDING), scale });
}
