/**
 * Which pairs of a batch count, and as what: a rule for the losses, applied to one tile of S = x·yᵀ at a time.
 *
 * Without a rule, image i and text i are a positive, and all other pairs are negatives. A rule masks some of the negatives, or
 * makes positives of them; it never changes a pair of image i and text i. A masked pair has S = −∞: its loss and its gradient
 * are exactly 0, whatever S was.
 *
 * Pairs are numbered in the whole batch of n: pair (i, j) has the index i·n + j.
 */
import { BYTES, type DType, heap } from "./heap.ts";
import { mix } from "./kernels/pairMask/mix.ts";
import { eachPairTile, type PairTile } from "./pairTiles.ts";
import { kernelsFor } from "./select/select.ts";
import { empty, type Tensor } from "./tensor.ts";

/** Which negatives are kept by their similarity: those with sign·S > least, and of those with sign·S = least the first ones. */
export interface RankedNegatives {
  readonly kind: "ranked";
  /** 1 for the most similar, −1 for the least similar. */
  readonly sign: 1 | -1;
  readonly least: number;
  /** The largest index of a pair with sign·S = least that is kept. */
  readonly lastIndex: number;
}

/** Which negatives are kept at random: those with mix(rowKeys[i] ⊕ colKeys[j]) ≤ most, unsigned words. */
export interface RandomNegatives {
  readonly kind: "random";
  /** A random word for each image and each text of the batch. */
  readonly rowKeys: Int32Array;
  readonly colKeys: Int32Array;
  readonly most: number;
}

/** Groups of the pairs of a batch, and what an image and a text of one group are. */
export interface PairGroups {
  /** The group of each pair, [n]. */
  readonly of: Int32Array;
  readonly as: "masked" | "positive";
  /** All pairs, group by group and in ascending order, [n]; and where the group of each pair begins in it, [n]. */
  readonly members: Int32Array;
  readonly first: Int32Array;
}

/** Groups of pairs, with their members. */
export function groupPairs(of: Int32Array, as: PairGroups["as"]): PairGroups {
  const members = Int32Array.from(of.keys()).sort((a, b) => of[a] - of[b] || a - b);
  const first = new Int32Array(of.length);
  members.forEach((pair, k) => {
    const before = members[k - 1];
    first[pair] = k > 0 && of[before] === of[pair] ? first[before] : k;
  });
  return { of, as, members, first };
}

/** Which pairs of a batch count, and as what. */
export interface PairRule {
  /** Image i and text j of one group are masked, or positives. */
  readonly groups?: PairGroups;
  /** The negatives that count, of those that are not in one group; all by default. */
  readonly kept?: RankedNegatives | RandomNegatives;
}

/** A rule for a block of pairs whose first image and first text have these numbers in the batch. */
export interface BlockRule extends PairRule {
  readonly row: number;
  readonly col: number;
  /** Pairs of the batch. */
  readonly batch: number;
}

/** What a pair counts as: 1 a positive, −1 a negative, 0 nothing. One pair of `maskTile`; `s` is Sᵢⱼ. */
export function labelOf({ groups, kept }: PairRule, i: number, j: number, batch: number, s: number): 1 | 0 | -1 {
  if (i === j) return 1;
  if (groups && groups.of[i] === groups.of[j]) return groups.as === "positive" ? 1 : 0;
  if (!kept) return -1;
  if (kept.kind === "random") return mix(kept.rowKeys[i] ^ kept.colKeys[j]) <= kept.most ? -1 : 0;
  const value = kept.sign * s;
  const isKept = value > kept.least || (value === kept.least && i * batch + j <= kept.lastIndex);
  return isKept ? -1 : 0;
}

/** A pair that the rule makes a positive, and its Sᵢⱼ. */
export interface AddedPositive {
  /** The place in heap numbers. */
  readonly place: number;
  readonly s: number;
}

/** Masks pairs of a tile. Returns the pairs that the rule makes positives, which are masked as well. */
export function maskTile(tile: PairTile, rule: BlockRule, dtype: DType): AddedPositive[] {
  const numbers = heap[dtype];
  const same = sameGroup(tile, rule, dtype).map((place) => ({ place, s: numbers[place] }));
  const matching = diagonalOf(tile, rule, dtype).map((place) => ({ place, s: numbers[place] }));
  if (rule.kept?.kind === "ranked") keepRanked(tile, rule, rule.kept, dtype);
  if (rule.kept?.kind === "random") keepRandom(tile, rule, rule.kept, dtype);
  for (const { place } of same) numbers[place] = Number.NEGATIVE_INFINITY;
  for (const { place, s } of matching) numbers[place] = s;
  return rule.groups?.as === "positive" ? same : [];
}

/** The places of a tile's pairs of an image and its own text. */
function diagonalOf({ i, j, rows, cols, at }: PairTile, { row, col }: BlockRule, dtype: DType): number[] {
  const [top, left] = [row + i, col + j];
  const first = Math.max(top, left);
  const count = Math.max(0, Math.min(top + rows, left + cols) - first);
  return Array.from({ length: count }, (_, k) => at / BYTES[dtype] + (first + k - top) * cols + (first + k - left));
}

/** The places of a tile's pairs of one group, without those of an image and its own text. */
function sameGroup({ i, j, rows, cols, at }: PairTile, { groups, row, col }: BlockRule, dtype: DType): number[] {
  const places: number[] = [];
  if (!groups) return places;
  const { of, first, members } = groups;
  const [top, left] = [row + i, col + j];
  for (let r = top; r < top + rows; r++) {
    for (let k = first[r]; of[members[k]] === of[r] && members[k] < left + cols; k++) {
      const c = members[k];
      if (c >= left && c !== r) places.push(at / BYTES[dtype] + (r - top) * cols + (c - left));
    }
  }
  return places;
}

/** Keeps entries above `least` everywhere, and those equal to it up to the pair `lastIndex`, which may lie in the tile. */
function keepRanked(
  { i, j, rows, cols, at }: PairTile,
  { row, col, batch }: BlockRule,
  { sign, least, lastIndex }: RankedNegatives,
  dtype: DType,
): void {
  const lastRow = Math.floor(lastIndex / batch);
  const within = (value: number, most: number): number => Math.min(most, Math.max(0, value));
  const whole = within(lastRow - (row + i), rows); // rows whose entries equal to `least` are kept
  const inLast = row + i + whole === lastRow && whole < rows ? within((lastIndex % batch) + 1 - (col + j), cols) : 0;
  const equal = whole * cols + inLast;
  const { keepAtLeast, keepAbove } = kernelsFor(dtype);
  keepAtLeast(equal, at, sign, least);
  keepAbove(rows * cols - equal, at + equal * BYTES[dtype], sign, least);
}

function keepRandom(
  { i, j, rows, cols, at }: PairTile,
  { row, col }: BlockRule,
  { rowKeys, colKeys, most }: RandomNegatives,
  dtype: DType,
): void {
  const words = empty("maskTile", [rows + cols], "f32");
  const keys = new Int32Array(heap.memory.buffer, words.address, rows + cols);
  keys.set(rowKeys.subarray(row + i, row + i + rows));
  keys.set(colKeys.subarray(col + j, col + j + cols), rows);
  kernelsFor(dtype).keepRandom(rows, cols, at, words.address, words.address + 4 * rows, most);
  words.storage.free();
}

/**
 * Visits the negatives of a block with low ≤ sign·S ≤ high, with sign·S and the index of the pair, and returns how many have
 * sign·S > high. Pairs of one group are no negatives here.   x [n, d], y [m, d]
 */
export function findNegatives(
  x: Tensor,
  y: Tensor,
  rule: BlockRule,
  { sign, low, high }: { readonly sign: 1 | -1; readonly low: number; readonly high: number },
  visit: (value: number, index: number) => void,
): number {
  const { dtype } = x;
  const { findBetween } = kernelsFor(dtype);
  const { row, col, batch } = rule;
  let total = 0;
  let found: Tensor | undefined;
  eachPairTile("findNegatives", x, y, (tile) => {
    const { i, j, rows, cols, at } = tile;
    const numbers = heap[dtype];
    for (const place of diagonalOf(tile, rule, dtype)) numbers[place] = Number.NaN;
    for (const place of sameGroup(tile, rule, dtype)) numbers[place] = Number.NaN;
    found ??= empty("findNegatives", [rows * cols], "f32"); // the first tile is the largest
    const { above, count } = findBetween(rows * cols, at, sign, low, high, found.address);
    total += above;
    for (const place of new Int32Array(heap.memory.buffer, found.address, count)) {
      const index = (row + i + Math.floor(place / cols)) * batch + col + j + (place % cols);
      visit(sign * numbers[at / BYTES[dtype] + place], index);
    }
  });
  return total;
}
