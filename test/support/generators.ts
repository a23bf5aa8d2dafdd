/**
 * fast-check generators of batches of pairs: odd sizes and difficult rows.
 *
 * Every number is a float32, so that f32 and f64 runs see the same batch. Rows come from a seed; shrinking shortens the
 * list of row kinds, and with it the batch.
 */
import fc from "fast-check";
import { Rng } from "../../src/tensor/index.ts";
import type { Pairs } from "./referenceLoss.ts";

const KINDS = ["unit", "unit", "zero", "oneHot", "duplicate", "subnormal", "constant"] as const;
const X_KINDS = [...KINDS, "huge"] as const; // on one side only: 1e18² · e¹⁰ is beyond float32
const Y_KINDS = [...KINDS, "same", "opposite"] as const;
type Kind = (typeof X_KINDS)[number] | (typeof Y_KINDS)[number];

/** Widths around lanes, tiles and their tails. */
export const width = fc.constantFrom(1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64);
const f32 = (values: fc.Arbitrary<number>): fc.Arbitrary<number> => values.map(Math.fround);
export const tPrimes = f32(fc.double({ min: -5, max: 10, noNaN: true }));
export const biases = fc.oneof(
  { weight: 6, arbitrary: f32(fc.double({ min: -20, max: 5, noNaN: true })) },
  { weight: 1, arbitrary: fc.constantFrom(1e4, -1e4) },
);
export const seeds = fc.nat({ max: 2 ** 31 - 1 });

/** A unit row of float32 numbers (length 1 within rounding). */
export function unitRow(rng: Rng, d: number): Float64Array {
  const row = Float64Array.from({ length: d }, () => rng.normal());
  const norm = Math.hypot(...row) || 1;
  return row.map((value) => Math.fround(value / norm));
}

/** n unit rows, [n, d]. */
export function unitRows(rng: Rng, n: number, d: number): Float64Array {
  const rows = new Float64Array(n * d);
  for (let i = 0; i < n; i++) rows.set(unitRow(rng, d), i * d);
  return rows;
}

function rowOf(
  kind: Kind,
  rng: Rng,
  d: number,
  before: Float64Array | undefined,
  partner?: Float64Array,
): Float64Array {
  const unit = unitRow(rng, d);
  switch (kind) {
    case "zero":
      return new Float64Array(d);
    case "oneHot": {
      const row = new Float64Array(d);
      row[rng.integer(d)] = 1;
      return row;
    }
    case "duplicate":
      return before ?? unit;
    case "subnormal":
      return unit.map((value) => Math.fround(Math.sign(value) * 1e-40));
    case "huge":
      return unit.map((value) => Math.fround(value * 1e18));
    case "constant":
      return new Float64Array(d).fill(Math.fround(1 / Math.sqrt(d)));
    case "same":
      return partner ?? unit;
    case "opposite":
      return partner?.map((value) => -value) ?? unit;
    default:
      return unit;
  }
}

interface Choice {
  readonly kinds: readonly (readonly [(typeof X_KINDS)[number], (typeof Y_KINDS)[number]])[];
  readonly d: number;
  readonly tPrime: number;
  readonly b: number;
  readonly seed: number;
}

function build({ kinds, d, tPrime, b, seed }: Choice): Pairs {
  const n = kinds.length;
  const rng = new Rng(seed);
  const [x, y] = [new Float64Array(n * d), new Float64Array(n * d)];
  kinds.forEach(([xKind, yKind], i) => {
    const row = (rows: Float64Array, at: number) => (at < 0 ? undefined : rows.slice(at * d, (at + 1) * d));
    x.set(rowOf(xKind, rng, d, row(x, i - 1)), i * d);
    const partner = xKind === "huge" || xKind === "duplicate" ? undefined : row(x, i);
    y.set(rowOf(yKind, rng, d, row(y, i - 1), partner), i * d);
  });
  return { n, d, x, y, tPrime, b };
}

const rows = <X, Y>(x: fc.Arbitrary<X>, y: fc.Arbitrary<Y>) => {
  const of = (minLength: number, maxLength: number) => fc.array(fc.tuple(x, y), { minLength, maxLength });
  return fc.oneof(
    { weight: 30, arbitrary: of(1, 17) },
    { weight: 1, arbitrary: of(32, 32) },
    { weight: 1, arbitrary: of(70, 70) },
  );
};

/** Batches of every kind of row. */
export const anyPairs: fc.Arbitrary<Pairs> = fc
  .record({
    kinds: rows(fc.constantFrom(...X_KINDS), fc.constantFrom(...Y_KINDS)),
    d: width,
    tPrime: tPrimes,
    b: biases,
    seed: seeds,
  })
  .map(build);

/** Batches like those of a model: random rows of length 1. */
export const unitPairs: fc.Arbitrary<Pairs> = fc
  .record({
    kinds: rows(fc.constant("unit" as const), fc.constant("unit" as const)),
    d: width,
    tPrime: tPrimes,
    b: biases,
    seed: seeds,
  })
  .map(build);

/** Batches of n pairs, of every kind of row. */
export const anyPairsOf = (n: number): fc.Arbitrary<Pairs> =>
  fc
    .record({
      kinds: fc.array(fc.tuple(fc.constantFrom(...X_KINDS), fc.constantFrom(...Y_KINDS)), {
        minLength: n,
        maxLength: n,
      }),
      d: width,
      tPrime: tPrimes,
      b: biases,
      seed: seeds,
    })
    .map(build);

/** A random order of the rows of a batch, from a seed. */
export const orderOf = (n: number, seed: number): number[] => [...new Rng(seed).split("order").permutation(n)];

/** Rows [n, d] in another order. */
export function reorder(rows: ArrayLike<number>, order: readonly number[], d: number): Float64Array {
  const out = new Float64Array(order.length * d);
  order.forEach((from, to) => {
    for (let k = 0; k < d; k++) out[to * d + k] = rows[from * d + k];
  });
  return out;
}
