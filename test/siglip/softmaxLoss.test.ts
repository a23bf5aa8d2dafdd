import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constant } from "../../src/autograd/index.ts";
import { softmaxLoss } from "../../src/siglip/index.ts";
import { ShapeError, zeros } from "../../src/tensor/index.ts";
import { U32, U64 } from "../support/bounds.ts";
import { engineLoss, engineValue, type LossFunction, pairsOfLogits } from "../support/engineLoss.ts";
import { expectWithin } from "../support/expect.ts";
import { orderOf, reorder, seeds, unitPairs } from "../support/generators.ts";
import { type Pairs, referenceSoftmaxLoss } from "../support/referenceLoss.ts";

const softmax: LossFunction = (x, y, tPrime) => softmaxLoss(x, y, tPrime);

/** Every logit may be off by a·(d + 12)·u; the loss is a mean of functions with slopes of at most 2 in their logits. */
const errorOf = ({ n, d, tPrime }: Pairs, u: number): number =>
  4 * Math.exp(tPrime) * (d + n + 16) * u + 64 * u * Math.log2(n + 1);
/** A softmax entry moves by at most e^(2ε) − 1 of itself, and by no more than 1. */
const gradientError = (pairs: Pairs, u: number): number =>
  Math.exp(pairs.tPrime) * Math.min(2, Math.expm1(2 * errorOf(pairs, u)) + (pairs.n + 16) * u);

describe.each([
  ["f32", U32],
  ["f64", U64],
] as const)("softmaxLoss in %s", (dtype, u) => {
  it("equals the f64 reference, value and gradients: G = (½(P + Q) − I)/n", () => {
    fc.assert(
      fc.property(unitPairs, (pairs) => {
        const reference = referenceSoftmaxLoss(pairs);
        const actual = engineLoss(pairs, dtype, softmax);
        const off = 2 * gradientError(pairs, u);
        expectWithin([actual.loss], [reference.loss], 2 * errorOf(pairs, u), "loss");
        expectWithin(actual.dX, reference.dX, off, "dX");
        expectWithin(actual.dY, reference.dY, off, "dY");
        expectWithin([actual.dTPrime], [reference.dTPrime], off * pairs.n, "dt′");
      }),
    );
  });

  it("does not change when rows are reordered together, or sides swapped", () => {
    fc.assert(
      fc.property(unitPairs, seeds, (pairs, seed) => {
        const order = orderOf(pairs.n, seed);
        const moved = { ...pairs, x: reorder(pairs.x, order, pairs.d), y: reorder(pairs.y, order, pairs.d) };
        const L = engineValue(pairs, dtype, softmax);
        expectWithin([engineValue(moved, dtype, softmax)], [L], 2 * errorOf(pairs, u), "reordered");
        const swapped = { ...pairs, x: pairs.y, y: pairs.x };
        expectWithin([engineValue(swapped, dtype, softmax)], [L], 2 * errorOf(pairs, u), "swapped");
      }),
    );
  });

  it("does not change when all logits move by one number: it has no use for a bias", () => {
    fc.assert(
      fc.property(unitPairs, fc.double({ min: -20, max: 20, noNaN: true }).map(Math.fround), (pairs, c) => {
        fc.pre(pairs.n <= 17 && pairs.tPrime < 4);
        // One more coordinate: 1 on the side of texts, c/a on the side of images adds c to every logit.
        const { n, d } = pairs;
        const widen = (rows: Float64Array, last: number): Float64Array => {
          const out = new Float64Array(n * (d + 1)).fill(last);
          for (let i = 0; i < n; i++) out.set(rows.subarray(i * d, (i + 1) * d), i * (d + 1));
          return out;
        };
        const moved = { ...pairs, d: d + 1, x: widen(pairs.x, c / Math.exp(pairs.tPrime)), y: widen(pairs.y, 1) };
        const off = 2 * errorOf(pairs, u) + 4 * Math.abs(c) * (d + 16) * u;
        expectWithin([engineValue(moved, dtype, softmax)], [engineValue(pairs, dtype, softmax)], off);
      }),
    );
  });
});

describe("softmaxLoss", () => {
  it("is log n where all logits are equal, 0 for one pair, log(1 + (n − 1)e^−a) for equal orthonormal rows", () => {
    for (const n of [1, 2, 5, 16]) {
      const flat = pairsOfLogits(n, new Float64Array(n * n).fill(3));
      expect(engineValue(flat, "f64", softmax)).toBeCloseTo(Math.log(n), 12);
      const identity = { ...flat, x: flat.y, tPrime: 1.5 };
      expect(engineValue(identity, "f64", softmax)).toBeCloseTo(Math.log1p((n - 1) * Math.exp(-Math.exp(1.5))), 12);
    }
  });

  it("has gradients in the logits that sum to 0", () => {
    fc.assert(
      fc.property(unitPairs, ({ n, x }) => {
        fc.pre(n <= 17);
        const logits = Array.from({ length: n * n }, (_, i) => 5 * x[i % x.length]);
        const G = engineLoss(pairsOfLogits(n, logits), "f64", softmax).dX;
        // Rows of P sum to 1 and columns of Q do: together all of G sums to 0.
        expect(Math.abs(Array.from(G).reduce((total, g) => total + g, 0))).toBeLessThan(1e-13);
      }),
    );
  });

  it("does not read the bias: its gradient stays empty", () => {
    const pairs = pairsOfLogits(2, [1, 2, 3, 4]);
    expect(engineLoss(pairs, "f64", softmax).dB).toBeNaN();
  });

  it("refuses sides of different shapes, naming them", () => {
    expect(() => softmaxLoss(constant(zeros([2, 4])), constant(zeros([2, 5])), constant(zeros([])))).toThrow(
      new ShapeError("softmaxLoss: images [2, 4] and texts [2, 5]; both must be [n, d]"),
    );
  });
});
