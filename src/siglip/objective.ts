/**
 * What a training minimises, as a value: how a shard of the batch is encoded, and the loss of all encoded rows.
 *
 * `pairObjective` is SigLIP's: both towers encode their shard, and the loss compares all pairs. `classification` trains an image
 * tower with a linear head: the logits of the classes are encoded, and the loss takes each row by itself.
 */
import type { Variable } from "../autograd/index.ts";
import type { Optimizer, Tap } from "../nn/index.ts";
import type { Communicator } from "../parallel/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { BatchHealth } from "./health.ts";

/** Encodes one shard of this device. */
export type EncodeShard = (shard: number, tap?: Tap) => Variable;

/** The shards of this device: their number, and for each side of the batch, as images and texts, the function that encodes one. */
export interface Shards<Side extends string> {
  readonly owned: number;
  readonly encode: Readonly<Record<Side, EncodeShard>>;
}

/** What a device has encoded of a batch. */
export interface Encoded<Side extends string> {
  /** The rows of its shards, for each side. */
  readonly rows: Readonly<Record<Side, Tensor>>;
  /** Of each of its shards, the sum of the lengths of embeddings before normalization; empty if nobody knows them. */
  readonly lengths: Readonly<Record<Side, readonly number[]>>;
}

/** A loss of the whole batch, the same on every rank, with the gradients of this device's rows. */
export interface RowGradients<Side extends string> {
  readonly loss: number;
  readonly rows: Readonly<Record<Side, Tensor>>;
  /** Sets the gradients of parameters that the loss reads itself. Not called if the loss is not finite. */
  readonly setOthers?: () => void;
  readonly metrics?: LossMetrics;
}

/** What a loss measures beside its value. */
export interface LossMetrics {
  /** Share of the batch whose class has the highest logit; only of `classification`. */
  readonly accuracy?: number;
}

/** Parameters of pairs before the update; absent in other objectives. */
export interface PairMetrics {
  /** exp t′. */
  readonly t?: number;
  readonly b?: number;
}

/** The devices of a step, and the pieces that the whole batch is cut into. */
export interface ShardCut {
  readonly comm: Communicator;
  readonly shards: number;
}

/** What a training minimises. */
export interface Objective<Batch, Side extends string = string> {
  /** Its parameters are trained, unless they are frozen. */
  readonly model: object;
  /** The modules that encode: their parameters get gradients by the backward pass through the shards. */
  readonly encoders: object;
  /** Checks model and optimizer before a step, and returns what to report of the model. */
  before(optimizer: Optimizer): PairMetrics;
  /** Checks the model after a step. */
  after?(): void;
  /** Throws `ShardError` if the batch does not divide into the shards. */
  shards(batch: Batch, cut: ShardCut): Shards<Side>;
  /** The loss of the whole batch. Every rank takes part. */
  gradients(rows: Readonly<Record<Side, Tensor>>, batch: Batch, cut: ShardCut): RowGradients<Side>;
  /** Measures the batch; changes no bit of the training. Every rank takes part. */
  health(encoded: Encoded<Side>, batch: Batch, cut: ShardCut): BatchHealth;
}
