/**
 * One training step on any number of devices: embed both sides, loss over the whole batch, gradients, update.
 *
 * The batch is cut into shards, and a device owns some of them. All embeddings come first; then the loss sees every pair of
 * the batch; then gradients flow back through the towers, shard by shard. So shards are also the micro-batches of exact
 * large-batch training (GradCache, Gao et al. 2021, arXiv:2101.06983): where the activations of all owned shards would be too
 * much, each shard is embedded once more on its way back. Neither that nor who owns what changes a bit.
 *
 * Everything made on the way is gone at the end.
 */
import { backward, noGrad, type Variable } from "../autograd/index.ts";
import { type AdamW, NonFiniteError, OptimizerError, parametersOf } from "../nn/index.ts";
import { alone, type Communicator, ShardError, sumOverShards } from "../parallel/index.ts";
import { concat, full, heap, portable, type Shape, scope, slice, type Tensor, tensor } from "../tensor/index.ts";
import { checkWord } from "./configurationError.ts";
import { fusedSigmoidLoss, type LossGradients } from "./fusedLoss.ts";
import { gatheredSoftmaxLoss } from "./gatheredLoss.ts";
import type { SigLip } from "./model.ts";

/** Matching rows of pictures and texts: those of this device. */
export interface PairBatch {
  readonly pixels: Float32Array; // [k·n, S, S, 3]
  readonly tokens: Int32Array; // [k·n, L]
}

/** What a step saw, before its update: the same on every rank. */
export interface StepMetrics {
  readonly loss: number;
  /** exp t′. */
  readonly t: number;
  readonly b: number;
  /** Norm of all gradients together, before clipping. */
  readonly gradNorm: number;
}

const LOSSES = ["sigmoid", "softmax"] as const;
/** Which loss a model is trained with. */
export type LossName = (typeof LOSSES)[number];

/** Where a step runs. */
export interface Devices {
  readonly comm?: Communicator;
  /** Pieces that the whole batch is cut into: a multiple of the devices. */
  readonly shards?: number;
  /** Activations of more bytes than this are not kept from the way there to the way back. */
  readonly activationBytes?: number;
}

/** Activations of all shards of a device are kept up to this, unless said otherwise. */
export const ACTIVATION_BYTES = 2 ** 30;

/** Both embeddings of one shard. */
interface Embedded {
  readonly zimg: Variable;
  readonly ztxt: Variable;
}

/**
 * Runs one step; `imageShape` is that of this device's pictures, `factor` the schedule's. Throws `NonFiniteError` before the
 * update if the loss or a gradient is no number, and after it if t′ has left what the exponential can hold. Whatever it throws,
 * no gradients are left in the model, and the next step can be taken.
 */
export function trainStep(
  model: SigLip,
  optimizer: AdamW,
  batch: PairBatch,
  imageShape: Shape,
  factor: number,
  loss: LossName,
  { comm = alone, shards = comm.size, activationBytes = ACTIVATION_BYTES }: Devices = {},
): StepMetrics {
  checkWord("train: loss", loss, LOSSES);
  if (loss === "softmax" && optimizer.updates(model.b)) {
    throw new OptimizerError(
      'train: the softmax loss has no bias, but the optimizer updates b; make the optimizer of all parameters but that, as in parametersOf(model) without "b"',
    );
  }
  const { dtype } = model.tPrime.value;
  const t = temperatureOf(model, "before");
  const b = model.b.value.item();
  const owned = shards / comm.size;
  const rows = imageShape[0] / owned; // in a shard
  if (!Number.isInteger(owned) || !Number.isInteger(rows)) {
    throw new ShardError(
      `train: ${imageShape[0]} pairs on each of ${comm.size} devices do not divide into ${shards} shards; shards must be a multiple of the devices, and divide the batch`,
    );
  }
  const part = <A extends Float32Array | Int32Array>(all: A, shard: number): A =>
    all.subarray((shard * all.length) / owned, ((shard + 1) * all.length) / owned) as A;
  const embed = (shard: number): Embedded => ({
    zimg: model.embedImages(tensor(part(batch.pixels, shard), [rows, ...imageShape.slice(1)], dtype)),
    ztxt: model.embedTexts(part(batch.tokens, shard)),
  });

  const step = (): StepMetrics => {
    const before = heap.liveBytes;
    const first = embed(0);
    const keepsAll = (heap.liveBytes - before) * owned <= activationBytes;
    const isKept = (shard: number): boolean => keepsAll || shard === 0;
    const embedded = Array.from({ length: owned }, (_, shard) =>
      shard === 0 ? first : keepsAll ? embed(shard) : scope(() => noGrad(() => embed(shard))),
    );
    const values = (side: keyof Embedded): Tensor =>
      concat(
        embedded.map((shard) => shard[side].value),
        0,
      );
    const gradients = lossGradients(loss, values("zimg"), values("ztxt"), model, comm, shards);
    if (!Number.isFinite(gradients.loss)) {
      throw new NonFiniteError(`train: the loss is ${gradients.loss} at t = ${t}, b = ${b}; nothing was updated`);
    }

    const towers = [...parametersOf({ image: model.image, text: model.text }).values()];
    const firstShard = owned * comm.rank;
    const flat = sumOverShards(shards, comm, (number) =>
      scope(() => {
        const shard = number - firstShard;
        const { zimg, ztxt } = isKept(shard) ? embedded[shard] : embed(shard);
        backward(zimg, slice(gradients.dzimg, 0, shard * rows, (shard + 1) * rows));
        backward(ztxt, slice(gradients.dztxt, 0, shard * rows, (shard + 1) * rows));
        return takeGradients(towers);
      }),
    );
    setGradients(towers, flat);
    model.tPrime.grad = full([], gradients.dtPrime, dtype);
    if (loss === "sigmoid") model.b.grad = full([], gradients.db, dtype);
    const gradNorm = optimizer.step(factor);
    temperatureOf(model, "after");
    return { loss: gradients.loss, t, b, gradNorm };
  };
  try {
    return scope(step);
  } finally {
    // The gradients' memory ended with the scope: also those of parameters that the optimizer does not update, or of a step
    // that failed.
    for (const parameter of parametersOf(model).values()) parameter.grad = undefined;
  }
}

/**
 * exp t′. Throws `NonFiniteError` where that is 0 or ∞ in the precision of the model: with t = 0 all logits are b, whatever the
 * embeddings, so that nothing is learned any more, and a run would go on to its end as if it were.
 */
function temperatureOf({ tPrime }: SigLip, when: "before" | "after"): number {
  const value = tPrime.value.item();
  const t = portable.exp(value);
  const held = tPrime.value.dtype === "f32" ? Math.fround(t) : t;
  if (held > 0 && Number.isFinite(held)) return t;
  const what = `train: t′ is ${value} ${when} the update, and t = exp t′ is ${held} in ${tPrime.value.dtype}`;
  throw new NonFiniteError(`${what}; lower the learning rate, of t′ above all, or go back to an earlier checkpoint`);
}

function lossGradients(
  loss: LossName,
  zimg: Tensor,
  ztxt: Tensor,
  model: SigLip,
  comm: Communicator,
  shards: number,
): LossGradients {
  const tPrime = model.tPrime.value.item();
  return loss === "sigmoid"
    ? fusedSigmoidLoss(zimg, ztxt, tPrime, model.b.value.item(), comm, shards)
    : gatheredSoftmaxLoss(zimg, ztxt, tPrime, comm);
}

/** The gradients of all parameters, one after the other in one tensor; the parameters are left without. */
function takeGradients(parameters: readonly Variable[]): Tensor {
  const parts = parameters.map((parameter) => {
    const g = parameter.takeGrad();
    return (g ?? full(parameter.shape, 0, parameter.value.dtype)).view([parameter.value.size]);
  });
  return concat(parts, 0);
}

/** The way back: each parameter sees its part of `flat`. */
function setGradients(parameters: readonly Variable[], flat: Tensor): void {
  let start = 0;
  for (const parameter of parameters) {
    parameter.grad = flat.view(parameter.shape, start);
    start += parameter.value.size;
  }
}
