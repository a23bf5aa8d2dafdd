/**
 * How much of a device's heap a training step needs, told from the configuration alone: before a run is started that cannot
 * end, and to choose the shards of a batch.
 *
 * Tensors are counted one by one where they are large, in the blocks that the heap gives out; what is small is left out. A test
 * compares the sums with the peaks of real steps.
 */
import { sizeClass } from "../tensor/index.ts";
import { ACTIVATION_BYTES } from "./batchGradients.ts";
import { CHANNELS, parameterCount, type SigLipConfig, type Size } from "./config.ts";
import type { LossForm } from "./lossForm.ts";

/** Blocks of the heap are larger than the tensors in them, by this much on average. */
const PARAMETER_BLOCKS = 1.08;
/** Matrices of all pairs that the softmax loss holds at once; other losses that hold all pairs hold no more. */
const SOFTMAX_MATRICES = 10;

/** Bytes of a tensor of so many f32 numbers. */
const f32 = (numbers: number): number => sizeClass(4 * numbers);

/** A tower as far as memory goes: `rows` sequences of `tokens`. */
interface Sequences extends Size {
  readonly rows: number;
  readonly tokens: number;
}

/** What a block keeps from the way there to the way back. */
function blockBytes({ rows, tokens, width, mlpDim, numHeads }: Sequences): number {
  const n = rows * tokens;
  // Both norms, the attention's output, both sums, and queries, keys and values; probabilities; gelu and its derivative.
  return 5 * f32(n * width) + f32(3 * n * width) + f32(rows * numHeads * tokens ** 2) + 2 * f32(n * mlpDim);
}

/** What attention pooling keeps: keys and values, and the probabilities of one query. */
const poolBytes = ({ rows, tokens, width, mlpDim, numHeads }: Sequences): number =>
  f32(2 * rows * tokens * width) + f32(rows * numHeads * tokens) + 5 * f32(rows * width) + 2 * f32(rows * mlpDim);

/** What a tower keeps: all blocks, the tokens before them and after, the last norm. */
const towerBytes = (tower: Sequences, pools: boolean): number =>
  tower.depth * blockBytes(tower) + 3 * f32(tower.rows * tower.tokens * tower.width) + (pools ? poolBytes(tower) : 0);

/** What a block makes on the way back beside what was kept: gradients of what it is given, of its widest part, of a sum. */
const backwardBytes = ({ rows, tokens, width, mlpDim }: Sequences): number =>
  2 * f32(rows * tokens * width) + Math.max(f32(rows * tokens * mlpDim), f32(3 * rows * tokens * width));

/** The most that a tower needs at once where nothing is kept: the tokens, and what a block makes until it ends. */
const passBytes = (tower: Sequences): number => blockBytes(tower) + 5 * f32(tower.rows * tower.tokens * tower.width);

function towers({ image, text }: SigLipConfig, rows: number): readonly [image: Sequences, text: Sequences] {
  const side = Math.floor(image.imageSize / image.patchSize);
  return [
    { ...image, rows, tokens: side ** 2 },
    { ...text, rows, tokens: text.length },
  ];
}

/** A picture and its patches, cut out in two steps. */
const pixelBytes = ({ image }: SigLipConfig, rows: number): number => 3 * f32(rows * image.imageSize ** 2 * CHANNELS);

/** What both towers keep of `rows` pairs from the way there to the way back, the pictures among it. */
export function activationBytes(config: SigLipConfig, rows: number): number {
  const [image, text] = towers(config, rows);
  return (
    pixelBytes(config, rows) +
    towerBytes(image, config.image.pooling === "map") +
    towerBytes(text, config.text.pooling === "map")
  );
}

/** What embedding `rows` pictures or texts needs at once, where no gradient is wanted. */
export function embeddingBytes(config: SigLipConfig, rows: number): number {
  return pixelBytes(config, rows) + Math.max(...towers(config, rows).map(passBytes));
}

/** How a batch is trained on. */
export interface Cut {
  readonly batch: number;
  readonly shards: number;
  readonly devices: number;
  readonly loss: LossForm;
  /** As `trainStep` is given it. */
  readonly activationLimit?: number;
}

/**
 * The most bytes of its heap that a device needs at once in `trainStep`, with the model and the two moments of AdamW.
 *
 *   parameters     value, two moments; gradients of a shard, and the same in one tensor; sums over shards, by a tree
 *   activations    of all shards of the device, or of one where they are too many to be kept
 *   loss           the embeddings of the device's rows with their gradients, and what goes round the ring; for the softmax
 *                  loss those of the whole batch on every device, and a few matrices of all pairs
 */
export function stepBytes(
  config: SigLipConfig,
  { batch, shards, devices, loss, activationLimit = ACTIVATION_BYTES }: Cut,
): number {
  const owned = shards / devices;
  const rows = batch / shards;
  const parameters = PARAMETER_BLOCKS * 4 * parameterCount(config).total;
  const ofShard = activationBytes(config, rows);
  const keepsAll = ofShard * owned <= activationLimit;
  const kept = keepsAll ? owned * ofShard : ofShard;

  const embedding = f32((batch / devices) * config.embedDim);
  const pairs = loss.holdsAllPairs ? SOFTMAX_MATRICES * f32(batch ** 2) + 6 * f32(batch * config.embedDim) : 0;
  const there = kept + (keepsAll ? 0 : embeddingBytes(config, rows)) + 4 * embedding;
  const met = kept + 10 * embedding + pairs;
  const transient = Math.max(...towers(config, rows).map(backwardBytes));
  const back = Array.from({ length: owned }, (_, shard) => {
    const later = keepsAll ? (owned - 1 - shard) * ofShard : 0;
    // The shard's activations go while its gradients come, and at last these are put into one tensor.
    return later + sumsBefore(shard) * parameters + Math.max(ofShard + transient, 2 * parameters) + 6 * embedding;
  });
  const gathered = 6 * embedding + (1 + devices) * parameters;
  return Math.ceil(3 * parameters + Math.max(there, met, gathered, ...back));
}

/** Sums that are held before a shard is added, by its number in the device's binary tree: the ones among its binary digits. */
const sumsBefore = (shard: number): number => shard.toString(2).replaceAll("0", "").length;
