/**
 * The objective of a classifier: of every image and class, does the image belong to the class?
 *
 *     L = −(1/B) Σᵢ Σ_c log σ(y_ic·ℓ_ic)        y = +1 for the class of the image, −1 for all others
 *     ∂L/∂ℓ = −(1/B)·y·σ(−y·ℓ)
 *
 * big_vision's `sigmoid_xent`, the loss of its recipe for ImageNet-21k. Unlike a softmax, it takes images of no class, label −1: all
 * of their answers are no.
 */
import { type Communicator, sumOverShards } from "../parallel/index.ts";
import { logSigmoid, mul, ShapeError, scope, show, sigmoid, slice, sum, type Tensor, tensor } from "../tensor/index.ts";
import { imageShards, type PairBatch } from "./batchShards.ts";
import type { Classifier } from "./classifier.ts";
import type { Objective, ShardCut } from "./objective.ts";

/** This device's rows of a batch of images with their classes. */
export interface ClassBatch extends Pick<PairBatch, "images" | "imageShape" | "rng"> {
  /** The class of each image, [k·n]; −1 for none. */
  readonly labels: Int32Array;
}

/** A loss with the gradient of this device's logits. */
export interface ClassLoss {
  readonly loss: number;
  /** [k·n, C] */
  readonly dlogits: Tensor;
  /** Share of the images of a class whose class has the highest logit; NaN if the batch has none. */
  readonly accuracy: number;
}

/** The objective of a classifier. */
export const classification = (model: Classifier): Objective<ClassBatch, "logits"> => ({
  model,
  encoders: model,
  before: () => ({}),
  shards(batch, cut) {
    const { dtype } = model.head.kernel.value;
    const { owned, imagesOf, keptOf } = imageShards(model.config.image, batch, { ...cut, views: 1, dtype });
    return {
      owned,
      // The scope frees the images once the tower has cut them into patches.
      encode: { logits: (shard, tap) => scope(() => model.logits(imagesOf(shard), keptOf(shard), tap)) },
    };
  },
  gradients({ logits }, { labels }, cut) {
    const { loss, dlogits, accuracy } = classLoss(logits, labels, cut);
    return { loss, rows: { logits: dlogits }, metrics: { accuracy } };
  },
  health({ rows, lengths }, _, { comm, shards }) {
    const batch = rows.logits.shape[0] * comm.size;
    const total = inShardOrder(shards, comm, (shard) => [lengths.logits[shard]]);
    return { embeddingNorm: { image: total[0] / batch } };
  },
});

/**
 * The sigmoid loss of classes over the whole batch, the same on every rank and on any number of devices, with the gradient of this
 * device's rows.   logits [k·n, C], labels [k·n]. Throws `ShapeError` for labels of other rows, and for one that is no class.
 */
export function classLoss(logits: Tensor, labels: Int32Array, { comm, shards }: ShardCut): ClassLoss {
  const [rows, classes] = logits.shape;
  const signs = signsOf(labels, logits);
  const margins = mul(signs, logits); // y·ℓ
  const batch = rows * comm.size;
  const each = (rows * comm.size) / shards; // rows of a shard
  const [total, right, labelled] = inShardOrder(shards, comm, (shard) => {
    const [first, end] = [shard * each, (shard + 1) * each];
    return [
      -sum(logSigmoid(slice(margins, 0, first, end))).item(),
      ...rightOf(logits.data, labels.subarray(first, end), first, classes),
    ];
  });
  return {
    loss: total / batch,
    dlogits: mul(mul(signs, sigmoid(mul(margins, -1))), -1 / batch),
    accuracy: right / labelled,
  };
}

/** Sums over all shards of what this device knows of each of its own, the same on every rank. */
function inShardOrder(shards: number, comm: Communicator, ofShard: (shard: number) => readonly number[]) {
  const first = (comm.rank * shards) / comm.size;
  const [sums] = sumOverShards(shards, comm, (shard) => {
    const numbers = ofShard(shard - first);
    return [tensor(numbers, [numbers.length], "f64")];
  });
  return sums.data;
}

/** y, [rows, C]. */
function signsOf(labels: Int32Array, { shape, dtype }: Tensor): Tensor {
  const [rows, classes] = shape;
  if (labels.length !== rows)
    throw new ShapeError(`train: ${labels.length} labels for logits ${show(shape)}; give one for each row`);
  const signs = new Float64Array(rows * classes).fill(-1);
  labels.forEach((label, i) => {
    if (label >= classes || label < -1) {
      throw new ShapeError(
        `train: row ${i} has class ${label}; the classifier knows 0..${classes - 1}, and −1 for none`,
      );
    }
    if (label >= 0) signs[i * classes + label] = 1;
  });
  return tensor(signs, [rows, classes], dtype);
}

/** How many rows have their class first among equals or above all others, and how many have a class. */
function rightOf(logits: ArrayLike<number>, labels: Int32Array, first: number, classes: number): [number, number] {
  let [right, labelled] = [0, 0];
  labels.forEach((label, i) => {
    if (label < 0) return;
    labelled++;
    if (argmax(logits, (first + i) * classes, classes) === label) right++;
  });
  return [right, labelled];
}

/** The class with the highest of the logits from `at` on; of equal ones the first. */
export function argmax(logits: ArrayLike<number>, at: number, classes: number): number {
  let best = 0;
  for (let c = 1; c < classes; c++) if (logits[at + c] > logits[at + best]) best = c;
  return best;
}
