/**
 * The loss of a whole batch and the gradients of all parameters, on any number of devices.
 *
 * The batch is cut into shards, and each device owns some of them. First, every shard is embedded; then the loss is computed
 * over all pairs of the batch; then the backward pass runs through the towers, shard by shard. So shards are also the
 * micro-batches of exact large-batch training (GradCache, Gao et al. 2021, arXiv:2101.06983): if the activations of all owned
 * shards do not fit, each shard is recomputed for its backward pass. The result is bit-identical either way, and for any
 * assignment of shards to devices.
 */
import { backward, noGrad, type Variable } from "../autograd/index.ts";
import { parametersOf, type Tap } from "../nn/index.ts";
import { alone, type Communicator, sumOverShards } from "../parallel/index.ts";
import { concat, full, heap, scope, slice, type Tensor } from "../tensor/index.ts";
import { type Embedded, type PairBatch, shardsOf } from "./batchShards.ts";
import type { LossGradients } from "./fusedLoss.ts";
import { type EmbeddedRows, sumOfLengths } from "./health.ts";
import type { LossForm } from "./lossForm.ts";
import type { SigLip } from "./model.ts";

/** The devices of a step, and how the batch is cut. */
export interface Devices {
  readonly comm?: Communicator;
  /** Pieces that the whole batch is cut into; a multiple of the devices. */
  readonly shards?: number;
  /** Most bytes of activations to store: if all shards of this device take more, they are recomputed shard by shard. */
  readonly activationBytes?: number;
}

/** The default of `activationBytes`. */
export const ACTIVATION_BYTES = 2 ** 30;

type Tower = "image" | "text";

/**
 * Sets the gradient of every parameter that the loss depends on and that is not frozen, and returns the loss; both are the same on
 * every rank. Call it in a `scope`, at whose end the gradients are freed. If the loss is not finite, no gradient is set.
 * `onEmbedded` gets the embeddings before the loss. Throws `ShardError` if the batch does not divide into the shards.
 */
export function batchGradients(
  model: SigLip,
  loss: LossForm,
  batch: PairBatch,
  { comm = alone, shards = comm.size, activationBytes = ACTIVATION_BYTES }: Devices,
  onEmbedded?: (embedded: EmbeddedRows) => void,
): number {
  const { dtype } = model.tPrime.value;
  const { owned, embed } = shardsOf(model, batch, loss.views, comm, shards);

  // Forward: the embeddings of all owned shards. The first one shows how much memory activations take.
  const before = heap.liveBytes;
  const lengths: Record<Tower, number[]> = { image: [], text: [] };
  const taps = onEmbedded && lengthsInto(lengths);
  const both = (shard: number): Embedded => ({
    zimg: embed.zimg(shard, taps?.image),
    ztxt: embed.ztxt(shard, taps?.text),
  });
  const first = both(0);
  const keepsAll = (heap.liveBytes - before) * owned <= activationBytes;
  const embedded = Array.from({ length: owned }, (_, shard) =>
    shard === 0 ? first : keepsAll ? both(shard) : scope(() => noGrad(() => both(shard))),
  );
  const all = (side: keyof Embedded): Tensor =>
    concat(
      embedded.map((shard) => shard[side].value),
      0,
    );

  const [zimg, ztxt] = [all("zimg"), all("ztxt")];
  onEmbedded?.({ zimg, ztxt, lengths });

  // The loss and its gradients with respect to the embeddings.
  const gradients = loss.gradients({
    zimg,
    ztxt,
    tPrime: model.tPrime.value.item(),
    b: model.b.value.item(),
    comm,
    shards,
    ...(batch.groups ? { groups: batch.groups } : {}),
    ...(batch.rng ? { rng: batch.rng } : {}),
  });
  if (!Number.isFinite(gradients.loss)) return gradients.loss;

  const recorded: Recorded = (side, shard) => {
    if (!first[side].requiresGrad) return undefined;
    return keepsAll || shard === 0 ? embedded[shard][side] : embed[side](shard);
  };
  backwardTowers(model, gradients, { owned, recorded }, { comm, shards });
  const { tPrime, b } = model;
  if (tPrime.requiresGrad) tPrime.grad = full([], gradients.dtPrime, dtype);
  if (loss.usesBias && b.requiresGrad) b.grad = full([], gradients.db, dtype);
  return gradients.loss;
}

/** The embedding of a shard with what the backward pass needs; undefined if its tower is not trained. */
type Recorded = (side: keyof Embedded, shard: number) => Variable | undefined;

/**
 * The backward pass through the towers, shard by shard, and the sum over all shards of all devices: sets the gradient of every
 * parameter that is not frozen.
 */
function backwardTowers(
  { image, text }: SigLip,
  { dzimg, dztxt }: LossGradients,
  { owned, recorded }: { owned: number; recorded: Recorded },
  { comm, shards }: Required<Pick<Devices, "comm" | "shards">>,
): void {
  const trained = [...parametersOf({ image, text }).values()].filter(({ requiresGrad }) => requiresGrad);
  if (trained.length === 0) return;
  const flat = sumOverShards(shards, comm, (number) =>
    scope(() => {
      const shard = number - owned * comm.rank;
      for (const [side, all] of [
        ["zimg", dzimg],
        ["ztxt", dztxt],
      ] as const) {
        const rows = all.shape[0] / owned;
        const z = recorded(side, shard);
        if (z) backward(z, slice(all, 0, shard * rows, (shard + 1) * rows));
      }
      return takeGradients(trained);
    }),
  );
  setGradients(trained, flat);
}

/** Taps that append the sum of the lengths of a shard's embeddings before normalization. */
function lengthsInto(lengths: Record<Tower, number[]>): Record<Tower, Tap> {
  const into =
    (sums: number[]): Tap =>
    (name, { value }) => {
      if (name === "unnormalized") sums.push(sumOfLengths(value));
    };
  return { image: into(lengths.image), text: into(lengths.text) };
}

/** Moves the gradients of all parameters into one flat tensor. */
function takeGradients(parameters: readonly Variable[]): Tensor {
  const parts = parameters.map((parameter) => {
    const g = parameter.takeGrad();
    return (g ?? full(parameter.shape, 0, parameter.value.dtype)).view([parameter.value.size]);
  });
  return concat(parts, 0);
}

/** The inverse: each parameter gets its part of `flat`. */
function setGradients(parameters: readonly Variable[], flat: Tensor): void {
  let start = 0;
  for (const parameter of parameters) {
    parameter.grad = flat.view(parameter.shape, start);
    start += parameter.value.size;
  }
}
