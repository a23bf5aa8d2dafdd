import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constant, softplus, sum } from "../../src/autograd/index.ts";
import { pairLogits, sigmoidLoss } from "../../src/siglip/index.ts";
import { Rng, ShapeError, scope, tensor, zeros } from "../../src/tensor/index.ts";
import { type Bounds, lossBounds, U32, U64 } from "../support/bounds.ts";
import { engineLogits, engineValue, pairsOfLogits } from "../support/engineLoss.ts";
import { expectWithin } from "../support/expect.ts";
import { anyPairs, orderOf, reorder, seeds, unitPairs, unitRow } from "../support/generators.ts";
import { type Pairs, referenceSigmoidLoss, softplus as sp } from "../support/referenceLoss.ts";

const DTYPES = [
  ["f32", U32],
  ["f64", U64],
] as const;

const boundsOf = (pairs: Pairs, u: number): Bounds => lossBounds(pairs, referenceSigmoidLoss(pairs), u);
/** Tolerance between two computed values of one exact value: the sum of their bounds. */
const slack = (u: number, ...all: Pairs[]): number => all.reduce((total, pairs) => total + boundsOf(pairs, u).loss, 0);
const mapped = (rows: Float64Array, f: (value: number, index: number) => number): Float64Array => rows.map(f);

describe.each(DTYPES)("sigmoidLoss in %s", (dtype, u) => {
  it("equals the f64 reference within the bound of its arithmetic, logits too", () => {
    fc.assert(
      fc.property(anyPairs, (pairs) => {
        const reference = referenceSigmoidLoss(pairs);
        const bounds = lossBounds(pairs, reference, u);
        // In f64 the reference has the same error as the tested loss.
        const both = dtype === "f64" ? 2 : 1;
        expectWithin([engineValue(pairs, dtype)], [reference.loss], both * bounds.loss, "loss");
        expectWithin(
          engineLogits(pairs, dtype),
          reference.logits,
          bounds.logits.map((e) => both * e),
          "logits",
        );
      }),
      { numRuns: 150 },
    );
  });

  it("does not change when images and texts are reordered together", () => {
    fc.assert(
      fc.property(anyPairs, seeds, (pairs, seed) => {
        const order = orderOf(pairs.n, seed);
        const moved = { ...pairs, x: reorder(pairs.x, order, pairs.d), y: reorder(pairs.y, order, pairs.d) };
        expectWithin([engineValue(moved, dtype)], [engineValue(pairs, dtype)], slack(u, pairs, moved));
      }),
    );
  });

  it("does not change when images and texts are swapped", () => {
    fc.assert(
      fc.property(anyPairs, (pairs) => {
        const swapped = { ...pairs, x: pairs.y, y: pairs.x };
        expectWithin([engineValue(swapped, dtype)], [engineValue(pairs, dtype)], slack(u, pairs, swapped));
      }),
    );
  });

  it("does not change when both sides are reflected in a plane", () => {
    fc.assert(
      fc.property(unitPairs, seeds, (pairs, seed) => {
        const { n, d } = pairs;
        const axis = unitRow(new Rng(seed), d);
        const length = axis.reduce((total, value) => total + value * value, 0);
        const reflect = (rows: Float64Array): Float64Array => {
          const out = rows.slice();
          for (let i = 0; i < n; i++) {
            let along = 0;
            for (let k = 0; k < d; k++) along += rows[i * d + k] * axis[k];
            for (let k = 0; k < d; k++) out[i * d + k] -= (2 * along * axis[k]) / length;
          }
          return out;
        };
        const turned = { ...pairs, x: reflect(pairs.x), y: reflect(pairs.y) };
        // The reflected rows are rounded once more when they are stored: one unit on every dot product.
        const extra = 4 * U64 * (d + 4) + 2 * u;
        const a = Math.exp(pairs.tPrime);
        expectWithin([engineValue(turned, dtype)], [engineValue(pairs, dtype)], 2 * slack(u, pairs) + n * a * extra);
      }),
    );
  });

  it("keeps its bits when the same coordinates of both sides change sign", () => {
    fc.assert(
      fc.property(anyPairs, seeds, (pairs, seed) => {
        const rng = new Rng(seed);
        const signs = Array.from({ length: pairs.d }, () => (rng.bits() & 1 ? -1 : 1));
        const flip = (rows: Float64Array) => mapped(rows, (value, index) => value * signs[index % pairs.d]);
        const flipped = { ...pairs, x: flip(pairs.x), y: flip(pairs.y) };
        expect(engineValue(flipped, dtype)).toBe(engineValue(pairs, dtype));
      }),
    );
  });

  it("does not change with coordinates that are 0 on both sides", () => {
    fc.assert(
      fc.property(anyPairs, fc.integer({ min: 1, max: 9 }), (pairs, extra) => {
        const { n, d } = pairs;
        const widen = (rows: Float64Array): Float64Array => {
          const out = new Float64Array(n * (d + extra));
          for (let i = 0; i < n; i++) out.set(rows.subarray(i * d, (i + 1) * d), i * (d + extra));
          return out;
        };
        const wide = { ...pairs, d: d + extra, x: widen(pairs.x), y: widen(pairs.y) };
        expectWithin([engineValue(wide, dtype)], [engineValue(pairs, dtype)], slack(u, pairs, wide));
      }),
    );
  });

  it("takes a factor on the images as the same factor on t, and a power of two from one side to the other in the bits", () => {
    fc.assert(
      fc.property(unitPairs, fc.constantFrom(-3, -1, 1, 2, 4), (pairs, k) => {
        const c = 2 ** k;
        const scaled = { ...pairs, x: mapped(pairs.x, (value) => c * value) };
        const hotter = { ...pairs, tPrime: Math.fround(pairs.tPrime + k * Math.LN2) };
        // t′ + k·ln 2 is rounded to float32: |t′|·u of relative error in a.
        const rounding = pairs.n * Math.exp(hotter.tPrime) * 2 ** -24 * (Math.abs(hotter.tPrime) + 1) * 1.01;
        expectWithin([engineValue(scaled, dtype)], [engineValue(hotter, dtype)], slack(u, scaled, hotter) + rounding);
        const moved = { ...scaled, y: mapped(pairs.y, (value) => value / c) };
        expect(engineValue(moved, dtype)).toBe(engineValue(pairs, dtype));
      }),
    );
  });

  it("lies between its values for the best and the worst unit rows, and is never negative", () => {
    fc.assert(
      fc.property(unitPairs, (pairs) => {
        const { n, b } = pairs;
        const a = Math.exp(pairs.tPrime) * (1 + 1e-6); // rows of float32 are a little longer or shorter than 1
        const L = engineValue(pairs, dtype);
        const off = slack(u, pairs);
        expect(L).toBeGreaterThanOrEqual(0);
        expect(L).toBeGreaterThanOrEqual(sp(-(a + b)) + (n - 1) * sp(b - a) - off);
        expect(L).toBeLessThanOrEqual(sp(a - b) + (n - 1) * sp(a + b) + off);
      }),
    );
  });

  it("is softplus(−b) + (n − 1)·softplus(b) where one side is 0", () => {
    fc.assert(
      fc.property(anyPairs, fc.boolean(), (pairs, left) => {
        const side = new Float64Array(pairs.n * pairs.d);
        const blank = left ? { ...pairs, x: side } : { ...pairs, y: side };
        const expected = sp(-pairs.b) + (pairs.n - 1) * sp(pairs.b);
        expectWithin([engineValue(blank, dtype)], [expected], 2 * slack(u, blank));
      }),
    );
  });

  it("is softplus(−(a + b)) + (n − 1)·softplus(b) for equal orthonormal rows", () => {
    fc.assert(
      fc.property(unitPairs, (pairs) => {
        const identity = {
          ...pairsOfLogits(pairs.n, new Float64Array(pairs.n ** 2)),
          tPrime: pairs.tPrime,
          b: pairs.b,
        };
        const orthonormal = { ...identity, x: identity.y };
        const expected = sp(-(Math.exp(pairs.tPrime) + pairs.b)) + (pairs.n - 1) * sp(pairs.b);
        expectWithin([engineValue(orthonormal, dtype)], [expected], 2 * slack(u, orthonormal));
      }),
    );
  });

  it("never rises with a matching logit and never falls with another", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        seeds,
        fc.double({ min: 1e-6, max: 30, noNaN: true }),
        (n, seed, step) => {
          const rng = new Rng(seed);
          const logits = Array.from({ length: n * n }, () => Math.fround(rng.between(-20, 20)));
          const at = rng.integer(n * n);
          const raised = logits.with(at, Math.fround(logits[at] + step));
          const before = engineValue(pairsOfLogits(n, logits), dtype);
          const after = engineValue(pairsOfLogits(n, raised), dtype);
          const ulps = 4 * u * Math.max(before, after); // of a softplus that is not monotone to the last bit
          const rise = Math.floor(at / n) === at % n ? before - after : after - before;
          expect(rise).toBeGreaterThanOrEqual(-ulps);
        },
      ),
    );
  });

  it("does not fall, as a sum, when a pair is added", () => {
    fc.assert(
      fc.property(anyPairs, (pairs) => {
        fc.pre(pairs.n > 1);
        const { n, d } = pairs;
        const fewer = { ...pairs, n: n - 1, x: pairs.x.slice(d), y: pairs.y.slice(d) };
        const rise = n * engineValue(pairs, dtype) - (n - 1) * engineValue(fewer, dtype);
        expect(rise).toBeGreaterThanOrEqual(-n * slack(u, pairs, fewer));
      }),
    );
  });

  it("is convex in the logits, and 1/n-Lipschitz in each", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        seeds,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (n, seed, theta) => {
          const rng = new Rng(seed);
          const draw = () => Array.from({ length: n * n }, () => Math.fround(rng.between(-20, 20)));
          const [p, q] = [draw(), draw()];
          const L = (logits: number[]) => engineValue(pairsOfLogits(n, logits), dtype);
          const [atP, atQ] = [L(p), L(q)];
          const between = L(p.map((value, i) => theta * value + (1 - theta) * q[i]));
          const off = 32 * u * (atP + atQ + 20);
          expect(between).toBeLessThanOrEqual(theta * atP + (1 - theta) * atQ + off);
          const distance = p.reduce((total, value, i) => total + Math.abs(value - q[i]), 0);
          expect(Math.abs(atP - atQ)).toBeLessThanOrEqual(distance / n + off);
        },
      ),
    );
  });

  it("of two joined batches is the loss of each alone plus the negatives between them", () => {
    fc.assert(
      fc.property(anyPairs, anyPairs, (one, two) => {
        const { d, tPrime, b } = one;
        const [n1, n2] = [Math.min(one.n, 17), Math.min(two.n, 17)];
        const cut = (rows: Float64Array, n: number) =>
          Float64Array.from({ length: n * d }, (_, i) => rows[i % rows.length]);
        const [first, second] = [
          { n: n1, d, tPrime, b, x: cut(one.x, n1), y: cut(one.y, n1) },
          { n: n2, d, tPrime, b, x: cut(two.x, n2), y: cut(two.y, n2) },
        ];
        const joined = {
          ...first,
          n: n1 + n2,
          x: Float64Array.of(...first.x, ...second.x),
          y: Float64Array.of(...first.y, ...second.y),
        };
        const expected = n1 * engineValue(first, dtype) + n2 * engineValue(second, dtype);
        const foreign = negatives(first, second) + negatives(second, first);
        const off = joined.n * slack(u, joined) + n1 * slack(u, first) + n2 * slack(u, second);
        expectWithin([joined.n * engineValue(joined, dtype)], [expected + foreign], 2 * off);
      }),
    );
  });

  it("is −10-biased at the start: 10.0000454 + (n − 1)·4.54e-5 for orthogonal rows at t = 10, b = −10", () => {
    // The value of big_vision; a mean over n² pairs would give a fraction of it.
    for (const n of [1, 2, 8, 64]) {
      const d = 2 * n;
      const [x, y] = [new Float64Array(n * d), new Float64Array(n * d)];
      for (let i = 0; i < n; i++) {
        x[i * d + i] = 1;
        y[i * d + n + i] = 1;
      }
      const L = engineValue({ n, d, x, y, tPrime: Math.log(10), b: -10 }, dtype);
      expect(L).toBeCloseTo(10.0000454 + (n - 1) * 4.54e-5, 5);
    }
  });
});

/** Σ softplus(ℓᵢⱼ) over images of one batch and texts of another: all negatives. */
function negatives(images: Pairs, texts: Pairs): number {
  const a = Math.exp(images.tPrime);
  let total = 0;
  for (let i = 0; i < images.n; i++) {
    for (let j = 0; j < texts.n; j++) {
      let dot = 0;
      for (let k = 0; k < images.d; k++) dot += images.x[i * images.d + k] * texts.y[j * texts.d + k];
      total += sp(a * dot + images.b);
    }
  }
  return total;
}

describe("sigmoidLoss", () => {
  it("is all pairs taken as negatives, less the mean of the matching logits", () => {
    fc.assert(
      fc.property(unitPairs, (pairs) => {
        const { n, d } = pairs;
        const other = scope(() => {
          const x = constant(tensor(pairs.x, [n, d], "f64"));
          const y = constant(tensor(pairs.y, [n, d], "f64"));
          const logits = pairLogits(
            x,
            y,
            constant(tensor([pairs.tPrime], [], "f64")),
            constant(tensor([pairs.b], [], "f64")),
          );
          let matching = 0;
          for (let i = 0; i < n; i++) matching += logits.value.data[i * n + i];
          return (sum(softplus(logits)).value.item() - matching) / n;
        });
        // softplus(ℓ) − ℓ cancels where ℓ is large.
        const cancelled = 8 * U64 * (Math.exp(pairs.tPrime) + Math.abs(pairs.b)) * n;
        expectWithin([engineValue(pairs, "f64")], [other], 2 * slack(U64, pairs) + cancelled);
      }),
    );
  });

  it("of a batch and its copy counts the copies as negatives", () => {
    fc.assert(
      fc.property(unitPairs, (pairs) => {
        fc.pre(pairs.n <= 17);
        const twice = {
          ...pairs,
          n: 2 * pairs.n,
          x: Float64Array.of(...pairs.x, ...pairs.x),
          y: Float64Array.of(...pairs.y, ...pairs.y),
        };
        const expected = engineValue(pairs, "f64") + negatives(pairs, pairs) / pairs.n;
        expectWithin([engineValue(twice, "f64")], [expected], 2 * slack(U64, pairs, twice));
      }),
    );
  });

  it("refuses an empty batch and sides of different shapes, naming them", () => {
    const at = (...shape: number[]) => constant(zeros(shape));
    const run = (x: number[], y: number[]) => () => sigmoidLoss(at(...x), at(...y), at(), at());
    expect(run([0, 4], [0, 4])).toThrow(new ShapeError("sigmoidLoss: the batch is empty"));
    expect(run([2, 4], [3, 4])).toThrow(
      new ShapeError("sigmoidLoss: images [2, 4] and texts [3, 4]; both must be [n, d]"),
    );
    expect(run([2, 4], [2, 5])).toThrow(ShapeError);
    expect(run([4], [4])).toThrow(ShapeError);
    expect(run([2, 4, 1], [2, 4, 1])).toThrow(ShapeError);
  });
});
