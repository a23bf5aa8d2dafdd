/**
 * The k-th of all negatives of a batch by similarity, exactly, without a list of all pairs.
 *
 *     1   A sample of the pairs gives an interval of similarities that holds the k-th with near certainty.
 *     2   A pass over all pairs counts those above the interval, and lists those in it: 0.2 % of a batch of 16,384.
 *     3   The k-th is found in the list. If the interval missed it or the list would be too long, the interval is narrowed by a
 *         histogram of its contents, and step 2 repeated.
 *
 * A pass is one product of the three of the sigmoid loss: with it, 8·d operations a pair. Pairs are ordered by similarity and,
 * where it is equal, by their index, i·B + j. Nothing here has a gradient.
 */
import type { Communicator } from "../parallel/index.ts";
import { type DType, findNegatives, matmul, type PairRule, type RankedNegatives, ShapeError, scope, type Tensor, tensor, zeros } from "../tensor/index.ts"; // biome-ignore format: a line
import { type ShardedBatch, shardOf, walkRing } from "./shardRing.ts";

/** Embeddings of a batch, and which of its pairs are negatives. */
export interface RankedPairs {
  readonly cut: ShardedBatch;
  readonly zimg: Tensor;
  readonly ztxt: Tensor;
  readonly rule: PairRule;
  /** 1 for the most similar first, −1 for the least similar. */
  readonly sign: 1 | -1;
}

/** The first `k` of the `negatives` negatives of a batch, as a rule. The same on every rank. */
export function firstNegatives(pairs: RankedPairs, k: number, negatives: number): RankedNegatives {
  const { cut, zimg, sign } = pairs;
  if (cut.batch > ROWS)
    throw new ShapeError(`loss: hard and easy negatives are for batches of at most ${ROWS} pairs, not ${cut.batch}`);
  // In f64, the type for checks, the list may hold all pairs: places are those of f32.
  const most = zimg.dtype === "f64" ? Number.POSITIVE_INFINITY : Math.max(LEAST_LIST, cut.batch * zimg.shape[1]);
  let range: Range = negatives <= most ? EVERYTHING : likelyRange(pairs, k / negatives, most);
  for (;;) {
    const { above, inside, bins, list } = pass(pairs, range, most);
    if (k <= above) range = { low: range.high + 1, high: EVERYTHING.high };
    else if (k > above + inside && range.low > EVERYTHING.low) range = { low: EVERYTHING.low, high: range.low - 1 };
    else if (k > above + inside)
      return { kind: "ranked", sign, ...ALL }; // the rest is NaN
    else if (list) return { kind: "ranked", sign, ...rankIn(list, k - above, cut.comm, zimg.dtype) };
    else range = binOf(range, bins, k - above);
  }
}

/** The shortest limit of a list. */
const LEAST_LIST = 2 ** 16;
const BINS = 4096;

/**
 * A range of places, both ends included. The place of a pair is an integer that grows with sign·S, and for equal ones falls with
 * the row: order(sign·S)·2²¹ + 2²¹ − 1 − i.
 */
interface Range {
  readonly low: number;
  readonly high: number;
}

const ROWS = 2 ** 21;
/** An integer that grows with an f32 number; the same for −0 and 0. */
function order(value: number): number {
  FLOAT[0] = value;
  return BITS[0] >= 0 ? BITS[0] : -(BITS[0] & 0x7fffffff);
}
const FLOAT = new Float32Array(1);
const BITS = new Int32Array(FLOAT.buffer);
function numberOf(order: number): number {
  BITS[0] = order >= 0 ? order : -order | 0x80000000;
  return FLOAT[0];
}
const EVERYTHING: Range = {
  low: order(Number.NEGATIVE_INFINITY) * ROWS,
  high: order(Number.POSITIVE_INFINITY) * ROWS + ROWS - 1,
};

/** A threshold that all numbers reach. */
const ALL = { least: Number.NEGATIVE_INFINITY, lastIndex: Number.POSITIVE_INFINITY };

/** Negatives with their sign·S and their index. */
class List {
  values: Float32Array | Float64Array;
  indexes = new Float64Array(1024);
  length = 0;

  constructor(dtype: DType) {
    this.values = dtype === "f32" ? new Float32Array(1024) : new Float64Array(1024);
  }

  push(value: number, index: number): void {
    if (this.length === this.indexes.length) {
      const grown = <A extends Float32Array | Float64Array>(old: A, made: A): A => {
        made.set(old);
        return made;
      };
      const size = 2 * this.length;
      this.indexes = grown(this.indexes, new Float64Array(size));
      this.values = grown(this.values, new (this.values.constructor as Float32ArrayConstructor)(size));
    }
    this.values[this.length] = value;
    this.indexes[this.length++] = index;
  }
}

/** All negatives once: how many lie above the range, how many in it, in each of its bins, and a list of this device's if it is not too long. */
function pass({ cut, zimg, ztxt, rule, sign }: RankedPairs, range: Range, most: number) {
  const list = new List(zimg.dtype);
  const counts = new Float64Array(2 + BINS); // above, inside, bins
  const width = binWidth(range);
  const bounds = { sign, low: numberOf(Math.floor(range.low / ROWS)), high: numberOf(Math.floor(range.high / ROWS)) };
  const visit = (value: number, index: number): void => {
    const place = order(value) * ROWS + ROWS - 1 - Math.floor(index / cut.batch);
    if (place > range.high) counts[0]++;
    if (place > range.high || place < range.low) return;
    counts[1]++;
    counts[2 + Math.floor((place - range.low) / width)]++;
    if (list.length < most) list.push(value, index);
  };
  walkRing(cut, [ztxt], [], ({ r, image, text, texts: [y] }) => {
    const block = { ...rule, row: image * cut.n, col: text * cut.n, batch: cut.batch };
    const above = scope(() => findNegatives(shardOf(cut, zimg, r), y, block, bounds, visit)); // visit counts as well
    counts[0] += above;
  });
  const [above, inside, ...bins] = cut.comm.allReduce(tensor(counts, [counts.length], "f64")).data;
  return { above, inside, bins, list: inside <= most ? list : undefined };
}

const binWidth = ({ low, high }: Range): number => Math.ceil((high - low + 1) / BINS);

/** The bin that holds the k-th from above of the pairs in a range. */
function binOf(range: Range, bins: readonly number[], k: number): Range {
  let bin = BINS - 1;
  for (let above = bins[bin]; above < k; above += bins[bin]) bin--;
  const low = range.low + bin * binWidth(range);
  return { low, high: Math.min(range.high, low + binWidth(range) - 1) };
}

/** The k-th from above of the lists of all devices: its value, and the index of the last pair with this value among the first k. */
function rankIn(list: List, k: number, comm: Communicator, dtype: DType): { least: number; lastIndex: number } {
  const values = gathered(list.values.subarray(0, list.length), comm, dtype);
  const least = ascending(values, values.length - k);
  let above = 0;
  for (const value of values) if (value > least) above++;
  const own = list.indexes.subarray(0, list.length).filter((_, at) => list.values[at] === least);
  return { least, lastIndex: ascending(gathered(own, comm, "f64"), k - above - 1) };
}

/** The numbers of all devices, which may have different counts of them. */
const gathered = (own: Float32Array | Float64Array, comm: Communicator, dtype: DType): Float32Array | Float64Array =>
  scope(() => {
    const lengths = comm.allGather(tensor([own.length], [1], "f64")).toArray();
    const longest = Math.max(...lengths);
    const padded = zeros([longest], dtype);
    padded.data.set(own);
    const all = comm.allGather(padded).data;
    let total = 0;
    lengths.forEach((length, rank) => {
      all.copyWithin(total, rank * longest, rank * longest + length);
      total += length;
    });
    return all.slice(0, total);
  });

/** The number at an index in ascending order (Hoare's selection); reorders the numbers. */
function ascending(numbers: Float32Array | Float64Array, index: number): number {
  let [low, high] = [0, numbers.length - 1];
  while (low < high) {
    const pivot = numbers[(low + high) >> 1];
    let [i, j] = [low, high];
    while (i <= j) {
      while (numbers[i] < pivot) i++;
      while (numbers[j] > pivot) j--;
      if (i <= j) {
        [numbers[i], numbers[j]] = [numbers[j], numbers[i]];
        i++;
        j--;
      }
    }
    if (index <= j) high = j;
    else if (index >= i) low = i;
    else break;
  }
  return numbers[index];
}

/** Standard deviations of a sample's quantile from which the range is taken on either side. */
const DEVIATIONS = 3; // once in 370 steps the k-th lies outside, which costs one more pass

/**
 * A range that probably holds the pair at the quantile `share` from above, and at most so many pairs as a list may hold. It is
 * that of a sample in which every row and every column of a shard is equally frequent: groups of images with the texts of the
 * next group.
 */
function likelyRange({ cut, zimg, ztxt, sign }: RankedPairs, share: number, most: number): Range {
  const { n, owned, batch, comm } = cut;
  const [, d] = zimg.shape;
  const variance = share * (1 - share);
  const wanted = variance * (2 * DEVIATIONS * 1.3 * (batch ** 2 / most)) ** 2; // the range then holds most/1.3 pairs
  const group = Math.min(Math.floor(n / 2), Math.ceil(Math.max(LEAST_LIST, wanted) / batch));
  if (group === 0) return EVERYTHING;
  const groups = Math.floor(n / group);
  const own = new Float32Array(owned * groups * group ** 2);
  for (let g = 0; g < owned * groups; g++) {
    const shard = Math.floor(g / groups) * n;
    const rows = (x: Tensor, of: number): Tensor => x.view([group, d], (shard + (of % groups) * group) * d);
    scope(() => own.set(matmul(rows(zimg, g), rows(ztxt, g + 1), { transposeB: true }).data, g * group ** 2));
  }
  const sample = gathered(own.map((value) => sign * value), comm, "f32"); // biome-ignore format: a line
  const [middle, margin] = [share * sample.length, DEVIATIONS * Math.sqrt(variance * sample.length) + 1];
  const first = (rank: number): number => order(ascending(sample, sample.length - 1 - Math.floor(rank))) * ROWS;
  return {
    low: middle + margin < sample.length - 1 ? first(middle + margin) : EVERYTHING.low,
    high: middle - margin >= 0 ? first(middle - margin) + ROWS - 1 : EVERYTHING.high,
  };
}
