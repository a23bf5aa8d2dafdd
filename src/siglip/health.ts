/**
 * The health of a training, measured in the steps that are logged (big_vision's contrastive trainer; SigLIP figures 5 and 6):
 * norms of gradients, updates and parameters, the logits of the batch, the lengths of embeddings before normalization.
 *
 * No matrix of all pairs is stored. The mean logit follows from sums of embeddings,
 *
 *     Σᵢⱼ ℓᵢⱼ = t·⟨Σᵢ xᵢ, Σⱼ yⱼ⟩ + n²·b
 *
 * and the least and the greatest from a walk round the ring, tile by tile. Sums are added in the order of shards, so all numbers
 * are the same on any number of devices. Pairs of an image and the equal text of another row are no negatives: their sum is that
 * over the texts of each group,   Σ ℓᵢⱼ = Σᵢ t·⟨xᵢ, Y(i) − yᵢ⟩ + …,   with Y(i) the sum of the texts of i's group.
 */
import { type Optimizer, parametersOf } from "../nn/index.ts";
import type { Communicator } from "../parallel/index.ts";
import { matmul, type PairGroups, scope, sumSquares, type Tensor, tensor } from "../tensor/index.ts";

/** The least, the mean and the greatest of some numbers. */
export interface Spread {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
}

/** A number for each part of a model: `image` and `text`, or `image` and `head` of a classifier. */
export type ByPart = Readonly<Record<string, number>>;

/** A norm over all parameters, and over those of each part. */
export type Norms = ByPart & { readonly all: number };

/** What is measured of a batch, by any objective. */
export interface BatchHealth {
  /** The logits of the pairs that the loss takes as positives. */
  readonly positives?: Spread;
  /** The logits of all other pairs, but for those that are masked because their texts are equal; absent if there are none. */
  readonly negatives?: Spread;
  /** Mean length of the embeddings before normalization; unknown of images that are embeddings already. */
  readonly embeddingNorm: { readonly image?: number; readonly text?: number };
}

/** Measures of the pairs of an image and a text of a batch; with two views, of both images with the texts. */
export interface PairHealth extends BatchHealth {
  readonly positives: Spread;
  readonly embeddingNorm: { readonly image?: number; readonly text: number };
}

/** The health of a training in one step; the same on every rank. */
export interface Health extends BatchHealth {
  /** Of the gradients that the optimizer got, before clipping. */
  readonly gradNorm: ByPart;
  /** Of the difference between the parameters after the step and before it. */
  readonly updateNorm: Norms;
  /** Of the parameters after the step. */
  readonly paramNorm: Norms;
}

/** What a device has embedded of a batch. */
export interface EmbeddedRows {
  /** The rows of its shards, of length 1, [views·k·n, d] and [k·n, d]. */
  readonly zimg: Tensor;
  readonly ztxt: Tensor;
  /** Of each of its shards, the sum of the lengths before normalization; empty if nobody knows them. */
  readonly lengths: { readonly image: readonly number[]; readonly text: readonly number[] };
}

/** Σ ‖z‖ over the rows of z [n, d], in f64. */
export function sumOfLengths(z: Tensor): number {
  const { data } = z;
  const [n, d] = z.shape;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    let squares = 0;
    for (let k = i * d; k < (i + 1) * d; k++) squares += data[k] ** 2;
    sum += Math.sqrt(squares);
  }
  return sum;
}

/**
 * Measures the pairs of the whole batch, with logits t·⟨x, y⟩ + b. `groups`: which pairs have equal texts, and what the loss makes of
 * them. Every rank takes part.
 */
export const pairHealth = (
  embedded: EmbeddedRows,
  t: number,
  b: number,
  comm: Communicator,
  groups?: PairGroups,
): PairHealth =>
  scope(() => {
    const { zimg, ztxt, lengths } = embedded;
    const owned = lengths.text.length;
    const [texts, d] = ztxt.shape;
    const n = texts / owned;
    const batch = texts * comm.size;
    const images = zimg.shape[0] * comm.size;
    const equal = groups && equalTexts(groups, ztxt, comm);
    const sums = Array.from({ length: owned }, (_, shard) => shardSums(embedded, shard, n, equal));
    const all = comm.allGather(tensor(sums.flat(), [owned, sums[0].length], "f64")).data;
    const totals = new Float64Array(sums[0].length);
    for (let i = 0; i < all.length; i++) totals[i % totals.length] += all[i]; // in the order of shards
    const [image, text, matching, same, ...vectors] = totals;
    let pairs = 0; // ⟨Σ x, Σ y⟩
    for (let k = 0; k < d; k++) pairs += vectors[k] * vectors[d + k];

    const own = [...matchingExtremes(zimg, ztxt), ...otherExtremes(zimg, ztxt, n, comm, groups)];
    const extremes = comm.allGather(tensor(own, [6], "f64")).data;
    const [low, high, lowest, highest, lowSame, highSame] = own.map((_, i) => {
      const ofRanks = Array.from({ length: comm.size }, (_, rank) => extremes[6 * rank + i]);
      return i % 2 === 0 ? Math.min(...ofRanks) : Math.max(...ofRanks);
    });
    const logit = (similarity: number): number => t * similarity + b;
    const spread = (min: number, mean: number, max: number): Spread => ({
      min: logit(min),
      mean: logit(mean),
      max: logit(max),
    });
    const counted = (images / batch) * (equal?.pairs ?? 0); // pairs of `same`
    const others = images * (batch - 1) - counted;
    const mean = (pairs - matching - same) / others;
    return {
      positives:
        groups?.as === "positive"
          ? spread(Math.min(low, lowSame), (matching + same) / (images + counted), Math.max(high, highSame))
          : spread(low, matching / images, high),
      ...(others > 0 ? { negatives: spread(lowest, mean, highest) } : {}),
      embeddingNorm: { ...(lengths.image.length > 0 ? { image: image / images } : {}), text: text / batch },
    };
  });

/** What is known of equal texts in a batch. */
interface EqualTexts {
  /** Y(i), [d], of one of this device's pairs; undefined if no other row has its text. */
  sumOf(pair: number): Float64Array | undefined;
  /** Pairs of an image and the equal text of another row, with one view. */
  readonly pairs: number;
}

/** Gathers the texts of all devices, and adds up those that are equal; undefined if all differ. Every rank takes part. */
function equalTexts({ of, members }: PairGroups, ztxt: Tensor, comm: Communicator): EqualTexts | undefined {
  const [rows, d] = ztxt.shape;
  if (new Set(of).size === of.length) return undefined;
  const texts = comm.allGather(ztxt).data;
  const sums = new Map<number, Float64Array>();
  let pairs = 0;
  for (let begin = 0, end = 0; begin < members.length; begin = end) {
    const group = of[members[begin]];
    while (of[members[end]] === group) end++;
    if (end === begin + 1) continue;
    const sum = new Float64Array(d);
    for (const j of members.subarray(begin, end)) for (let k = 0; k < d; k++) sum[k] += texts[j * d + k];
    sums.set(group, sum);
    pairs += (end - begin) * (end - begin - 1);
  }
  return { sumOf: (pair) => sums.get(of[comm.rank * rows + pair]), pairs };
}

/** Of one shard, in f64: both sums of lengths, Σ ⟨xᵢ, yᵢ⟩, Σ ⟨xᵢ, yⱼ⟩ over equal texts of other rows, Σ xᵢ, Σ yᵢ. */
function shardSums({ zimg, ztxt, lengths }: EmbeddedRows, shard: number, n: number, equal?: EqualTexts): number[] {
  const d = zimg.shape[1];
  const views = viewsOf(zimg, ztxt);
  const [x, y] = [zimg.data, ztxt.data];
  const vectors = new Float64Array(2 * d);
  let [matching, same] = [0, 0];
  for (let i = shard * n * views; i < (shard + 1) * n * views; i++) {
    const pair = Math.floor(i / views);
    const ofGroup = equal?.sumOf(pair);
    for (let k = 0; k < d; k++) {
      const xk = x[i * d + k];
      vectors[k] += xk;
      matching += xk * y[pair * d + k];
      if (ofGroup) same += xk * (ofGroup[k] - y[pair * d + k]);
    }
  }
  for (let j = shard * n; j < (shard + 1) * n; j++) {
    for (let k = 0; k < d; k++) vectors[d + k] += y[j * d + k];
  }
  return [lengths.image[shard] ?? 0, lengths.text[shard], matching, same, ...vectors];
}

/** Images for each text: row i of the images matches row ⌊i / views⌋ of the texts. */
const viewsOf = (zimg: Tensor, ztxt: Tensor): number => zimg.shape[0] / ztxt.shape[0];

/** The least and the greatest ⟨x, y⟩ of this device's matching pairs, in f64. */
function matchingExtremes(zimg: Tensor, ztxt: Tensor): [number, number] {
  const [rows, d] = zimg.shape;
  const views = viewsOf(zimg, ztxt);
  const [x, y] = [zimg.data, ztxt.data];
  let [min, max] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < rows; i++) {
    const match = Math.floor(i / views) * d;
    let dot = 0;
    for (let k = 0; k < d; k++) dot += x[i * d + k] * y[match + k];
    min = Math.min(min, dot);
    max = Math.max(max, dot);
  }
  return [min, max];
}

/** Rows and columns of a tile. */
const TILE = 256;

/** The rows at which tiles begin. They end where shards do, so that they are the same on any number of devices. */
const tileStarts = (shards: number, rows: number): number[] =>
  Array.from({ length: shards }, (_, shard) =>
    Array.from({ length: Math.ceil(rows / TILE) }, (_, part) => shard * rows + part * TILE),
  ).flat();

/**
 * The least and the greatest ⟨x, y⟩ of this device's images and the texts of other rows, which go round the ring: of the negatives,
 * and of the pairs whose texts are equal.
 */
function otherExtremes(zimg: Tensor, ztxt: Tensor, n: number, comm: Communicator, groups?: PairGroups): number[] {
  const [rows, d] = ztxt.shape;
  const views = viewsOf(zimg, ztxt);
  const groupOf = groups?.of ?? Int32Array.from({ length: rows * comm.size }, (_, pair) => pair);
  const [none, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let [min, max, minSame, maxSame] = [none, most, none, most];
  let texts = ztxt;
  const tile = (i: number, j: number, owner: number): void => {
    const height = Math.min(TILE, views * n - (i % (views * n)));
    const width = Math.min(TILE, n - (j % n));
    const similarities = matmul(zimg.view([height, d], i * d), texts.view([width, d], j * d), { transposeB: true });
    const { data } = similarities;
    const left = owner * rows + j;
    for (let r = 0; r < height; r++) {
      const pair = comm.rank * rows + Math.floor((i + r) / views);
      const group = groupOf[pair];
      for (let c = 0; c < width; c++) {
        const value = data[r * width + c];
        if (groupOf[left + c] !== group) {
          if (value < min) min = value;
          if (value > max) max = value;
        } else if (left + c !== pair) {
          minSame = Math.min(minSame, value);
          maxSame = Math.max(maxSame, value);
        }
      }
    }
    similarities.storage.free();
  };
  const [imageStarts, textStarts] = [views * n, n].map((each) => tileStarts(rows / n, each));
  for (let hop = 0; hop < comm.size; hop++) {
    if (hop > 0) {
      const arrived = comm.shift(texts, -1);
      if (texts !== ztxt) texts.storage.free();
      texts = arrived;
    }
    for (const i of imageStarts) for (const j of textStarts) tile(i, j, (comm.rank + hop) % comm.size);
  }
  return [min, max, minSame, maxSame];
}

/** The part of a model that a parameter is in: `image` of `image/encoder/...`; undefined of one that stands alone, as t′. */
const partOf = (path: string): string | undefined => (path.includes("/") ? path.split("/")[0] : undefined);

/** √Σ `squares` over all parameters, and over those of each of the parts. */
function normsOf(parts: readonly string[], squares: Iterable<readonly [path: string, squares: number]>): Norms {
  const sums: Record<string, number> & { all: number } = { all: 0 };
  for (const part of parts) sums[part] = 0;
  for (const [path, value] of squares) {
    sums.all += value;
    const part = partOf(path);
    if (part !== undefined) sums[part] += value;
  }
  for (const name of Object.keys(sums)) sums[name] = Math.sqrt(sums[name]);
  return sums;
}

/** The measures of an update. */
type UpdateHealth = Pick<Health, "gradNorm" | "updateNorm" | "paramNorm">;

/**
 * Begins to measure an update, before the optimizer consumes the gradients. Returns a function that measures after it. The
 * parameters from before are kept outside the heap until then.
 */
export function measureUpdate(model: object, optimizer: Optimizer): () => UpdateHealth {
  const parameters = [...parametersOf(model)];
  const parts = [...new Set(parameters.flatMap(([path]) => partOf(path) ?? []))];
  const trained = parameters.filter(([, parameter]) => optimizer.updates(parameter));
  const { all: _, ...gradNorm } = normsOf(
    parts,
    trained.map(([path, { grad }]) => [path, grad ? sumSquares(grad) : 0]),
  );
  const before = trained.map(([path, { value }]) => ({ path, value, old: value.toArray() }));
  return () => ({
    gradNorm,
    updateNorm: normsOf(
      parts,
      before.map(({ path, value, old }) => [path, squaredDistance(value.data, old)]),
    ),
    paramNorm: normsOf(
      parts,
      parameters.map(([path, { value }]) => [path, sumSquares(value)]),
    ),
  });
}

function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum;
}
