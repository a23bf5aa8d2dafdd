import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { constant } from "../../src/autograd/index.ts";
import { softmaxLoss } from "../../src/siglip/index.ts";
import { Rng, ShapeError, zeros } from "../../src/tensor/index.ts";
import { U32, U64 } from "../support/bounds.ts";
import { engineLoss, engineValue, type LossFunction, pairsOfLogits } from "../support/engineLoss.ts";
import { expectWithin } from "../support/expect.ts";
import { fusedSoftmax } from "../support/fusedSoftmax.ts";
import { orderOf, reorder, seeds, unitPairs, unitRows } from "../support/generators.ts";
import { type Pairs, referenceSoftmaxLoss } from "../support/referenceLoss.ts";

const softmax: LossFunction = (x, y, tPrime) => softmaxLoss(x, y, tPrime);
const fused: LossFunction = (x, y, tPrime) => fusedSoftmax(x, y, tPrime);

const RUNS = [
  ["softmaxLoss", "f32", U32, softmax],
  ["softmaxLoss", "f64", U64, softmax],
  ["fusedSoftmaxLoss", "f32", U32, fused],
  ["fusedSoftmaxLoss", "f64", U64, fused],
] as const;

/** Every logit may be off by a·(d + 12)·u; the loss is a mean of functions with slopes of at most 2 in their logits. */
const errorOf = ({ n, d, tPrime }: Pairs, u: number): number =>
  4 * Math.exp(tPrime) * (d + n + 16) * u + 64 * u * Math.log2(n + 1);
/** A softmax entry moves by at most e^(2ε) − 1 of itself, and by no more than 1. */
const gradientError = (pairs: Pairs, u: number): number =>
  Math.exp(pairs.tPrime) * Math.min(2, Math.expm1(2 * errorOf(pairs, u)) + (pairs.n + 16) * u);

describe.each(RUNS)("%s in %s", (_, dtype, u, loss) => {
  it("equals the f64 reference, value and gradients: G = (½(P + Q) − I)/n", () => {
    fc.assert(
      fc.property(unitPairs, (pairs) => {
        const reference = referenceSoftmaxLoss(pairs);
        const actual = engineLoss(pairs, dtype, loss);
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
        const L = engineValue(pairs, dtype, loss);
        expectWithin([engineValue(moved, dtype, loss)], [L], 2 * errorOf(pairs, u), "reordered");
        const swapped = { ...pairs, x: pairs.y, y: pairs.x };
        expectWithin([engineValue(swapped, dtype, loss)], [L], 2 * errorOf(pairs, u), "swapped");
      }),
    );
  });

  it("does not change when all logits shift by one number: a bias has no effect", () => {
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
        expectWithin([engineValue(moved, dtype, loss)], [engineValue(pairs, dtype, loss)], off);
      }),
    );
  });
});

describe.each(RUNS)("%s in %s of pairs that a model knows well", (_, dtype, u, loss) => {
  /** Logits with t = 100: matching ones near 100, others anywhere below, down to a loss of e^−200. */
  const known = fc
    .record({ n: fc.integer({ min: 1, max: 12 }), gap: fc.double({ min: 0, max: 200, noNaN: true }), seed: seeds })
    .map(({ n, gap, seed }) => {
      const rng = new Rng(seed);
      const logits = Array.from({ length: n * n }, (_, at) =>
        Math.fround(100 - (at % (n + 1) === 0 ? 0 : gap) - 3 * rng.uniform()),
      );
      return pairsOfLogits(n, logits);
    });
  /** A logit of 100 is known to half a unit in its last place; the loss moves by e^±2 units at most. */
  const UNITS = 2 * 128 * 2 * u;
  const TINY = dtype === "f32" ? 1e-37 : 0; // subnormal numbers have fewer digits

  it("keeps all digits of a small loss that its logits give, and of its gradients", () => {
    fc.assert(
      fc.property(known, (pairs) => {
        const exact = referenceSoftmaxLoss(pairs);
        const actual = engineLoss(pairs, dtype, loss);
        expectWithin([actual.loss], [exact.loss], UNITS * exact.loss + TINY, "loss");
        // Y = I and t = 1: dX is the gradient of the logits, each entry a sum of positive terms or of negative ones.
        const within = Array.from(exact.dX, (g) => UNITS * Math.abs(g) + TINY);
        expectWithin(actual.dX, exact.dX, within, "dℓ");
      }),
    );
  });

  it("is never below 0, in rows of any kind at any temperature up to 100", () => {
    fc.assert(
      fc.property(
        seeds,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 100 }),
        (seed, noise, t) => {
          const rng = new Rng(seed);
          const [n, d] = [8, 16];
          const x = unitRows(rng.split("x"), n, d);
          const away = unitRows(rng.split("away"), n, d);
          const y = x.map((value, at) => Math.fround(value + noise * away[at]));
          expect(engineValue({ n, d, x, y, tPrime: Math.log(t), b: 0 }, dtype, loss)).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});

describe("softmaxLoss", () => {
  it("of two pairs with logits 100 apart is e^−100, where log Σ e^ℓ − ℓ would be 0 or below", () => {
    const pairs = pairsOfLogits(2, [100, 0, 0, 100]);
    expect(engineValue(pairs, "f64", softmax)).toBeCloseTo(Math.exp(-100), 55);
    expect(engineLoss(pairs, "f64", softmax).dX).toEqual(
      Float64Array.of(-1, 1, 1, -1).map((sign) => (sign * engineValue(pairs, "f64", softmax)) / 2),
    );
  });

  it("of eight pairs that a model knows well, at t = 100 in f32, has the digits of f64 and not 7.6e-6 below 0", () => {
    const rng = new Rng(1);
    const [x, away] = ["x", "away"].map((name) => unitRows(rng.split(name), 8, 16));
    const y = x.map((value, at) => Math.fround(value + 0.05 * away[at]));
    const pairs = { n: 8, d: 16, x, y, tPrime: Math.fround(Math.log(100)), b: 0 };
    expect(engineValue(pairs, "f64", softmax)).toBeCloseTo(6.98694622874e-16, 26);
    expect(engineValue(pairs, "f32", softmax) / 6.98694622874e-16).toBeCloseTo(1, 4);
  });

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
