/**
 * One training step: embed both sides, loss, gradients, update. Everything made on the way is gone at its end.
 */
import { backward, type Variable } from "../autograd/index.ts";
import { type AdamW, NonFiniteError } from "../nn/index.ts";
import { heap, type Shape, scope, tensor } from "../tensor/index.ts";
import { sigmoidLoss } from "./loss.ts";
import type { SigLip } from "./model.ts";
import { softmaxLoss } from "./softmaxLoss.ts";

/** Matching rows of pictures and texts. */
export interface PairBatch {
  readonly pixels: Float32Array; // [B, S, S, 3]
  readonly tokens: Int32Array; // [B, L]
}

/** What a step saw, before its update. */
export interface StepMetrics {
  readonly loss: number;
  /** exp t′. */
  readonly t: number;
  readonly b: number;
  /** Norm of all gradients together, before clipping. */
  readonly gradNorm: number;
  /** Bytes of the heap in use at the end of the step. */
  readonly liveBytes: number;
}

export type LossName = "sigmoid" | "softmax";

/** The loss of two embeddings by name; the bias takes part in the sigmoid loss alone. */
export function lossOf(name: LossName, model: SigLip, zimg: Variable, ztxt: Variable): Variable {
  return name === "sigmoid" ? sigmoidLoss(zimg, ztxt, model.tPrime, model.b) : softmaxLoss(zimg, ztxt, model.tPrime);
}

/** Runs one step; `factor` is the schedule's. Throws `NonFiniteError` before the update if the loss or a gradient is no number. */
export function trainStep(
  model: SigLip,
  optimizer: AdamW,
  batch: PairBatch,
  imageShape: Shape,
  factor: number,
  loss: LossName,
): StepMetrics {
  const t = Math.exp(model.tPrime.value.item());
  const b = model.b.value.item();
  const { value, gradNorm } = scope(() => {
    const zimg = model.embedImages(tensor(batch.pixels, imageShape, model.tPrime.value.dtype));
    const ztxt = model.embedTexts(batch.tokens);
    const L = lossOf(loss, model, zimg, ztxt);
    const value = L.value.item();
    if (!Number.isFinite(value)) throw new NonFiniteError(`train: the loss is ${value} at t = ${t}, b = ${b}`);
    backward(L);
    return { value, gradNorm: optimizer.step(factor) };
  });
  return { loss: value, t, b, gradNorm, liveBytes: heap.liveBytes };
}
