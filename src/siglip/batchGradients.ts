/**
 * The loss of a whole batch and the gradients of all parameters, on any number of devices.
 *
 * The batch is cut into shards, and each device owns some of them. First, every shard is encoded; then the loss is computed over
 * the whole batch (for SigLIP over all pairs); then the backward pass runs through the towers, shard by shard. So shards are also
 * the micro-batches of exact large-batch training (GradCache, Gao et al. 2021, arXiv:2101.06983): if the activations of all owned
 * shards do not fit, each shard is recomputed for its backward pass. The result is bit-identical either way, and for any
 * assignment of shards to devices.
 */
import { backward, noGrad, type Variable } from "../autograd/index.ts";
import { type Tap, trainedParameters } from "../nn/index.ts";
import { alone, type Communicator, sumOverShards } from "../parallel/index.ts";
import { concat, heap, scope, slice, type Tensor, zeros } from "../tensor/index.ts";
import { sumOfLengths } from "./health.ts";
import type { Encoded, LossMetrics, Objective, ShardCut, Shards } from "./objective.ts";

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

/** `batchGradients` for any objective; also returns what its loss measures. */
export function objectiveGradients<Batch, Side extends string>(
  objective: Objective<Batch, Side>,
  batch: Batch,
  { comm = alone, shards = comm.size, activationBytes = ACTIVATION_BYTES }: Devices,
  onEncoded?: (encoded: Encoded<Side>) => void,
): { loss: number; metrics: LossMetrics } {
  const cut = { comm, shards };
  const shardsOfBatch = objective.shards(batch, cut);
  const { encoded, recorded } = encodeShards(shardsOfBatch, activationBytes, onEncoded !== undefined);
  onEncoded?.(encoded);
  const { loss, rows, setOthers, metrics = {} } = objective.gradients(encoded.rows, batch, cut);
  if (!Number.isFinite(loss)) return { loss, metrics };
  backwardShards(objective.encoders, rows, { owned: shardsOfBatch.owned, recorded }, cut);
  setOthers?.();
  return { loss, metrics };
}

/** A side of a shard with what the backward pass needs; undefined if its tower is not trained. */
type Recorded<Side> = (side: Side, shard: number) => Variable | undefined;

const sidesOf = <Side extends string>(of: Readonly<Record<Side, unknown>>): Side[] => Object.keys(of) as Side[];

/** A value for each side. */
const bySide = <Side extends string, V>(sides: readonly Side[], value: (side: Side) => V): Record<Side, V> =>
  Object.fromEntries(sides.map((side) => [side, value(side)])) as Record<Side, V>;

/** The forward pass of all owned shards. The first one shows how much memory activations take. */
function encodeShards<Side extends string>(
  { owned, encode }: Shards<Side>,
  activationBytes: number,
  measures: boolean,
): { encoded: Encoded<Side>; recorded: Recorded<Side> } {
  const sides = sidesOf(encode);
  const lengths = bySide(sides, (): number[] => []);
  const tapOf = (side: Side): Tap | undefined =>
    measures
      ? (name, { value }) => {
          if (name === "unnormalized") lengths[side].push(sumOfLengths(value));
        }
      : undefined;
  const encodeAll = (shard: number): Record<Side, Variable> =>
    bySide(sides, (side) => encode[side](shard, tapOf(side)));
  const before = heap.liveBytes;
  const first = encodeAll(0);
  const keepsAll = (heap.liveBytes - before) * owned <= activationBytes;
  const shards = Array.from({ length: owned }, (_, shard) =>
    shard === 0 ? first : keepsAll ? encodeAll(shard) : scope(() => noGrad(() => encodeAll(shard))),
  );
  const rows = bySide(sides, (side) =>
    concat(
      shards.map((shard) => shard[side].value),
      0,
    ),
  );
  return {
    encoded: { rows, lengths },
    recorded(side, shard) {
      if (!first[side].requiresGrad) return undefined;
      return keepsAll || shard === 0 ? shards[shard][side] : encode[side](shard);
    },
  };
}

/**
 * The backward pass through the encoders, shard by shard, and the sum over all shards of all devices: sets the gradient of every
 * parameter of theirs that is not frozen.
 */
function backwardShards<Side extends string>(
  encoders: object,
  gradients: Readonly<Record<Side, Tensor>>,
  { owned, recorded }: { owned: number; recorded: Recorded<Side> },
  { comm, shards }: ShardCut,
): void {
  const trained = trainedParameters(encoders);
  if (trained.length === 0) return;
  const sums = sumOverShards(shards, comm, (number) =>
    scope(() => {
      const shard = number - owned * comm.rank;
      for (const side of sidesOf(gradients)) {
        const all = gradients[side];
        const rows = all.shape[0] / owned;
        const encoded = recorded(side, shard);
        if (encoded) backward(encoded, slice(all, 0, shard * rows, (shard + 1) * rows));
      }
      return trained.map((parameter) => parameter.takeGrad() ?? zeros(parameter.shape, parameter.value.dtype));
    }),
  );
  for (const [i, parameter] of trained.entries()) parameter.grad = sums[i];
}
