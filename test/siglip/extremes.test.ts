/** The losses at extreme logits, sizes and inputs. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sigmoidLoss, softmaxLoss } from "../../src/siglip/index.ts";
import { Rng, ShapeError } from "../../src/tensor/index.ts";
import { engineLoss, engineValue, pairsOfLogits } from "../support/engineLoss.ts";
import { expectSameBits } from "../support/expect.ts";
import { fusedSoftmax } from "../support/fusedSoftmax.ts";
import { anyPairs, seeds, unitPairs, unitRows } from "../support/generators.ts";
import { type Gradients, type Pairs, referenceSigmoidLoss } from "../support/referenceLoss.ts";

const everything = ({ loss, dX, dY, dTPrime, dB }: Gradients): number[] => [
  loss,
  dTPrime,
  dB,
  ...Array.from(dX),
  ...Array.from(dY),
];

describe.each(["f32", "f64"] as const)("at the edge of what %s holds, the sigmoid loss", (dtype) => {
  it("and its gradients are finite for every batch", () => {
    fc.assert(
      fc.property(anyPairs, (pairs) => {
        expect(everything(engineLoss(pairs, dtype)).filter((value) => !Number.isFinite(value))).toEqual([]);
      }),
    );
  });

  it("costs a far negative exactly its logit, and a far match nothing", () => {
    for (const size of [1e2, 1e4, 1e30, 3e38]) {
      const one = engineLoss(pairsOfLogits(1, [-size]), dtype);
      expect(one.loss).toBe(dtype === "f32" ? Math.fround(size) : size);
      expect(one.dX[0]).toBe(-1);
      const right = engineLoss(pairsOfLogits(1, [size]), dtype);
      expect(right.loss).toBeLessThan(1e-40);
      expect(Math.abs(right.dX[0])).toBeLessThan(1e-40);
    }
  });

  it("is the logit itself from 40 on", () => {
    fc.assert(
      fc.property(fc.double({ min: 40, max: 1e38, noNaN: true }).map(Math.fround), (l) => {
        expect(engineValue(pairsOfLogits(1, [-l]), dtype)).toBe(l);
      }),
    );
  });

  it("saturates to gradients of exactly (1 − δ)/n or −δ/n at b = ±10⁴", () => {
    fc.assert(
      fc.property(unitPairs, fc.constantFrom(1e4, -1e4), (pairs, b) => {
        fc.pre(pairs.tPrime < 5);
        const { n } = pairs;
        const { dB, dX } = engineLoss({ ...pairs, b }, dtype);
        // Σ (σ − δ)/n: every σ is 1 or 0 to the last bit.
        expect(dB).toBeCloseTo(b > 0 ? n - 1 : -1, 5);
        const identity = engineLoss({ ...pairsOfLogits(n, new Float64Array(n * n)), b }, dtype);
        const share = dtype === "f32" ? Math.fround(1 / n) : 1 / n;
        const expected = Array.from({ length: n * n }, (_, index) => {
          const match = Math.floor(index / n) === index % n;
          return b > 0 ? (match ? 0 : share) : match ? -share : 0;
        });
        expectSameBits(
          Array.from(identity.dX, (g) => g + 0),
          expected,
        );
        expect(Array.from(dX).every(Number.isFinite)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it("accepts one pair, one dimension, equal rows, rows of zeros and one such row among others", () => {
    const rng = new Rng(1);
    const batches: Pairs[] = [
      { n: 1, d: 1, x: Float64Array.of(1), y: Float64Array.of(-1), tPrime: 2, b: -3 },
      { n: 1, d: 7, x: unitRows(rng, 1, 7), y: unitRows(rng, 1, 7), tPrime: 2, b: -3 },
      { n: 5, d: 1, x: unitRows(rng, 5, 1), y: unitRows(rng, 5, 1), tPrime: 2, b: -3 },
      { n: 4, d: 3, x: new Float64Array(12).fill(0.5), y: new Float64Array(12).fill(0.5), tPrime: 2, b: -3 },
      { n: 4, d: 3, x: new Float64Array(12), y: new Float64Array(12), tPrime: 2, b: -3 },
      { n: 4, d: 3, x: unitRows(rng, 4, 3).fill(0, 3, 6), y: unitRows(rng, 4, 3), tPrime: 2, b: -3 },
    ];
    for (const pairs of batches) {
      const actual = everything(engineLoss(pairs, dtype));
      const expected = everything(referenceSigmoidLoss(pairs));
      actual.forEach((value, i) => {
        expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(1e-5 * Math.max(1, Math.abs(expected[i])));
      });
    }
  });

  it("is NaN, never finite, if one input is NaN; so is the softmax loss", () => {
    fc.assert(
      fc.property(unitPairs, seeds, fc.boolean(), (pairs, seed, left) => {
        const side = left ? "x" : "y";
        const at = new Rng(seed).integer(pairs.n * pairs.d);
        const broken = { ...pairs, [side]: pairs[side].with(at, Number.NaN) };
        expect(engineValue(broken, dtype)).toBeNaN();
        for (const softmax of [softmaxLoss, fusedSoftmax]) {
          expect(engineValue(broken, dtype, (x, y, t) => softmax(x, y, t))).toBeNaN();
          expect(engineValue({ ...pairs, tPrime: Number.NaN }, dtype, (x, y, t) => softmax(x, y, t))).toBeNaN();
        }
        expect(engineValue({ ...pairs, b: Number.NaN }, dtype)).toBeNaN();
        expect(engineValue({ ...pairs, tPrime: Number.NaN }, dtype)).toBeNaN();
      }),
    );
  });

  it("is not finite if one input is infinite and meets anything but 0", () => {
    fc.assert(
      fc.property(unitPairs, seeds, (pairs, seed) => {
        const at = new Rng(seed).integer(pairs.n * pairs.d);
        const broken = { ...pairs, x: pairs.x.with(at, Number.POSITIVE_INFINITY) };
        const column = Array.from({ length: pairs.n }, (_, j) => pairs.y[j * pairs.d + (at % pairs.d)]);
        const row = Math.floor(at / pairs.d);
        // A match at +∞ and a negative at −∞ cost nothing: only a batch that is right everywhere stays finite.
        const right = column.every((value, j) => (j === row ? value > 0 : value < 0));
        expect(Number.isFinite(engineValue(broken, dtype))).toBe(right);
      }),
    );
  });

  it("does not flush subnormal features to 0", () => {
    const tiny = dtype === "f32" ? 2 ** -140 : 2 ** -1060;
    const at = (size: number) => ({
      n: 1,
      d: 2,
      x: Float64Array.of(size, 0),
      y: Float64Array.of(1, 0),
      tPrime: 0,
      b: 0,
    });
    const { loss, dY } = engineLoss(at(tiny), dtype);
    expect(loss).toBeCloseTo(Math.LN2, 6);
    expect(dY[0]).toBe(-tiny / 2);
  });
});

describe("the sigmoid loss", () => {
  it("of an empty batch is refused, not NaN", () => {
    const none = { n: 0, d: 4, x: new Float64Array(0), y: new Float64Array(0), tPrime: 0, b: 0 };
    expect(() => engineValue(none, "f32")).toThrow(ShapeError);
    expect(() => engineValue(none, "f32", sigmoidLoss)).toThrow("the batch is empty");
    expect(() => engineValue(none, "f32", (x, y, t) => softmaxLoss(x, y, t))).toThrow(
      "softmaxLoss: the batch is empty",
    );
  });

  it("of 512 pairs at the start of training is within 1e-6 of f64: the sum over n² pairs is carried in f64", () => {
    const [n, d] = [512, 8];
    const rng = new Rng(3);
    const pairs = {
      n,
      d,
      x: unitRows(rng.split("x"), n, d),
      y: unitRows(rng.split("y"), n, d),
      tPrime: Math.fround(Math.log(10)),
      b: -10,
    };
    const exact = referenceSigmoidLoss(pairs).loss;
    expect(Math.abs(engineValue(pairs, "f32") - exact) / exact).toBeLessThan(1e-6);
  });

  it("is finite at every t′ that a clamp at t = e¹⁰ lets through, and not finite once exp(t′) overflows float32", () => {
    const rows = unitRows(new Rng(4), 6, 8);
    const at = (tPrime: number) =>
      engineValue({ n: 3, d: 8, x: rows.slice(0, 24), y: rows.slice(24), tPrime, b: -10 }, "f32");
    for (const tPrime of [-100, -5, 0, 10, 50, 80]) expect(at(tPrime)).toBeLessThan(Number.POSITIVE_INFINITY);
    // The step refuses such a loss before it updates anything (NonFiniteError).
    expect(at(88.8)).not.toBeLessThan(Number.POSITIVE_INFINITY);
  });
});
