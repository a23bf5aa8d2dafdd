/** Properties of the gradients of the sigmoid loss. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gradcheck, l2Normalize } from "../../src/autograd/index.ts";
import { sigmoidLoss } from "../../src/siglip/index.ts";
import { Rng, scope, tensor } from "../../src/tensor/index.ts";
import { gamma, lossBounds, U32, U64 } from "../support/bounds.ts";
import { engineLoss, pairsOfLogits } from "../support/engineLoss.ts";
import { expectSameBits, expectWithin } from "../support/expect.ts";
import { anyPairs, orderOf, reorder, seeds, unitPairs, unitRows } from "../support/generators.ts";
import { type Pairs, referenceSigmoidLoss } from "../support/referenceLoss.ts";

const DTYPES = [
  ["f32", U32],
  ["f64", U64],
] as const;

const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let total = 0;
  for (let i = 0; i < a.length; i++) total += a[i] * b[i];
  return total;
};
const sizes = (values: ArrayLike<number>): Float64Array => Float64Array.from(values, Math.abs);
const twice = (values: Float64Array): Float64Array => values.map((value) => 2 * value);
const boundsOf = (pairs: Pairs, u: number) => lossBounds(pairs, referenceSigmoidLoss(pairs), u);

describe.each(DTYPES)("gradients of sigmoidLoss in %s", (dtype, u) => {
  it("equal their closed forms within the bound of the arithmetic", () => {
    fc.assert(
      fc.property(anyPairs, (pairs) => {
        const reference = referenceSigmoidLoss(pairs);
        const bounds = lossBounds(pairs, reference, u);
        const actual = engineLoss(pairs, dtype);
        expectWithin([actual.loss], [reference.loss], 2 * bounds.loss, "loss");
        expectWithin(actual.dX, reference.dX, twice(bounds.dX), "dX");
        expectWithin(actual.dY, reference.dY, twice(bounds.dY), "dY");
        expectWithin([actual.dTPrime], [reference.dTPrime], 2 * bounds.dTPrime, "dt′");
        expectWithin([actual.dB], [reference.dB], 2 * bounds.dB, "db");
      }),
      { numRuns: 150 },
    );
  });

  it("of X and of Y, each along its own rows, and of t′ are one number", () => {
    fc.assert(
      fc.property(anyPairs, (pairs) => {
        const { dX, dY, dTPrime } = engineLoss(pairs, dtype);
        const bounds = boundsOf(pairs, u);
        const alongX = dot(pairs.x, dX);
        const alongY = dot(pairs.y, dY);
        const offX = dot(sizes(pairs.x), bounds.dX) * 2;
        const offY = dot(sizes(pairs.y), bounds.dY) * 2;
        expectWithin([alongX], [dTPrime], offX + 2 * bounds.dTPrime, "⟨X, dX⟩");
        expectWithin([alongY], [dTPrime], offY + 2 * bounds.dTPrime, "⟨Y, dY⟩");
      }),
    );
  });

  it("of b lie in −1..n − 1", () => {
    fc.assert(
      fc.property(anyPairs, (pairs) => {
        const { dB } = engineLoss(pairs, dtype);
        const off = pairs.n * (4 * u + pairs.n ** 2 * U64);
        expect(dB).toBeGreaterThanOrEqual(-1 - off);
        expect(dB).toBeLessThanOrEqual(pairs.n - 1 + off);
      }),
    );
  });

  it("of one row of unit pairs are no longer than a", () => {
    fc.assert(
      fc.property(unitPairs, (pairs) => {
        const { n, d } = pairs;
        const { dX, dY } = engineLoss(pairs, dtype);
        const bounds = boundsOf(pairs, u);
        const a = Math.exp(pairs.tPrime) * (1 + 1e-6); // rows of float32 are not exactly of length 1
        for (let i = 0; i < n; i++) {
          const norm = (rows: ArrayLike<number>) => Math.hypot(...Array.from(rows).slice(i * d, (i + 1) * d));
          expect(norm(dX)).toBeLessThanOrEqual(a + norm(bounds.dX));
          expect(norm(dY)).toBeLessThanOrEqual(a + norm(bounds.dY));
        }
      }),
    );
  });

  it("of logits are at most 1/n, never positive for a match and never negative for another", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), seeds, (n, seed) => {
        const rng = new Rng(seed);
        const pairs = pairsOfLogits(
          n,
          Array.from({ length: n * n }, () => Math.fround(rng.between(-60, 60))),
        );
        const G = engineLoss(pairs, dtype).dX; // Y is the identity and a = 1
        for (let i = 0; i < n * n; i++) {
          const towards = Math.floor(i / n) === i % n ? -G[i] : G[i];
          expect(towards).toBeGreaterThanOrEqual(0);
          expect(towards).toBeLessThanOrEqual((1 + 4 * u) / n);
        }
      }),
    );
  });

  it("of a logit move by at most |h|/4n when it moves by h", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6 }), seeds, (n, seed) => {
        const rng = new Rng(seed);
        const logits = Array.from({ length: n * n }, () => Math.fround(rng.between(-10, 10)));
        const at = rng.integer(n * n);
        const moved = logits.with(at, Math.fround(logits[at] + rng.between(-5, 5)));
        const G = (values: number[]) => engineLoss(pairsOfLogits(n, values), dtype).dX[at];
        const h = Math.abs(moved[at] - logits[at]);
        expect(Math.abs(G(moved) - G(logits))).toBeLessThanOrEqual(h / (4 * n) + (8 * u) / n);
      }),
    );
  });

  it("of clear negatives are right to a few units, however small", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 8 }), seeds, (n, seed) => {
        const rng = new Rng(seed);
        const pairs = pairsOfLogits(
          n,
          Array.from({ length: n * n }, () => Math.fround(rng.between(-40, -8))),
        );
        const { dX } = engineLoss(pairs, dtype);
        const expected = referenceSigmoidLoss(pairs).dLogits;
        expectWithin(
          dX,
          expected,
          sizes(expected).map((g) => 8 * u * g),
        );
      }),
    );
  });

  it("are permuted with the rows", () => {
    fc.assert(
      fc.property(anyPairs, seeds, (pairs, seed) => {
        const order = orderOf(pairs.n, seed);
        const moved = { ...pairs, x: reorder(pairs.x, order, pairs.d), y: reorder(pairs.y, order, pairs.d) };
        const [before, after] = [engineLoss(pairs, dtype), engineLoss(moved, dtype)];
        const bounds = boundsOf(moved, u);
        expectWithin(after.dX, reorder(before.dX, order, pairs.d), twice(bounds.dX), "dX");
        expectWithin(after.dY, reorder(before.dY, order, pairs.d), twice(bounds.dY), "dY");
      }),
    );
  });

  it("are swapped when images and texts are", () => {
    fc.assert(
      fc.property(anyPairs, (pairs) => {
        const straight = engineLoss(pairs, dtype);
        const swapped = engineLoss({ ...pairs, x: pairs.y, y: pairs.x }, dtype);
        const bounds = boundsOf(pairs, u);
        expectWithin(swapped.dX, straight.dY, twice(bounds.dY), "dX");
        expectWithin(swapped.dY, straight.dX, twice(bounds.dX), "dY");
        expectWithin([swapped.dTPrime], [straight.dTPrime], 2 * bounds.dTPrime, "dt′");
      }),
    );
  });

  it("change sign, bit for bit, in the coordinates whose sign changes on both sides", () => {
    fc.assert(
      fc.property(anyPairs, seeds, (pairs, seed) => {
        const rng = new Rng(seed);
        const signs = Array.from({ length: pairs.d }, () => (rng.bits() & 1 ? -1 : 1));
        const flip = (rows: ArrayLike<number>) => Float64Array.from(rows, (value, i) => value * signs[i % pairs.d]);
        const before = engineLoss(pairs, dtype);
        const after = engineLoss({ ...pairs, x: flip(pairs.x), y: flip(pairs.y) }, dtype);
        const zero = (rows: ArrayLike<number>) => Float64Array.from(rows, (value) => value + 0); // −0 counts as 0
        expectSameBits(zero(after.dX), zero(flip(before.dX)), "dX");
        expectSameBits(zero(after.dY), zero(flip(before.dY)), "dY");
        expect([after.dTPrime, after.dB]).toEqual([before.dTPrime, before.dB]);
      }),
    );
  });
});

describe("gradients of sigmoidLoss", () => {
  it("equal central differences", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 5 }),
        fc.double({ min: -2, max: 3, noNaN: true }),
        fc.double({ min: -12, max: 4, noNaN: true }),
        seeds,
        (n, d, tPrime, b, seed) => {
          const rows = (name: string) => tensor(unitRows(new Rng(seed).split(name), n, d), [n, d], "f64");
          const result = scope(() =>
            gradcheck(sigmoidLoss, [rows("x"), rows("y"), tensor([tPrime], [], "f64"), tensor([b], [], "f64")]),
          );
          expect(result.error, result.worst).toBeLessThan(1e-6);
        },
      ),
      { numRuns: 40 },
    );
  });

  it("through l2Normalize are at right angles to the rows that were normalized", () => {
    fc.assert(
      fc.property(unitPairs, fc.double({ min: 0.1, max: 10, noNaN: true }), (pairs, size) => {
        const { n, d } = pairs;
        const raw = { ...pairs, x: pairs.x.map((value) => value * size) };
        const loss = engineLoss(raw, "f64", (x, y, t, b) => sigmoidLoss(l2Normalize(x, 0), y, t, b));
        const direct = engineLoss(pairs, "f64");
        for (let i = 0; i < n; i++) {
          const row = Array.from(loss.dX).slice(i * d, (i + 1) * d);
          const u = raw.x.subarray(i * d, (i + 1) * d);
          // The part along the row is what was subtracted: it is zero to the rounding of the gradient before it.
          const incoming = Math.hypot(...Array.from(direct.dX).slice(i * d, (i + 1) * d));
          const limit =
            1e-12 * (incoming + Math.exp(pairs.tPrime)) + gamma(d, U64) * Math.hypot(...u) * Math.hypot(...row);
          expect(Math.abs(dot(u, row))).toBeLessThanOrEqual(limit);
        }
      }),
    );
  });

  it("of b vanish at one bias only, where the expected number of matches is n; Newton finds it", () => {
    fc.assert(
      fc.property(unitPairs, (pairs) => {
        fc.pre(pairs.n >= 2 && pairs.n <= 17 && pairs.tPrime < 3);
        // The loss is convex in b, and ∂b = (Σσ(ℓ) − n)/n rises with it: bisect to a start, then Newton.
        const at = (b: number) => engineLoss({ ...pairs, b }, "f64").dB;
        let [low, high] = [-60, 60];
        expect(at(low)).toBeLessThan(0);
        expect(at(high)).toBeGreaterThan(0);
        for (let i = 0; i < 12; i++) {
          const middle = (low + high) / 2;
          if (at(middle) < 0) low = middle;
          else high = middle;
        }
        let b = (low + high) / 2;
        for (let i = 0; i < 8; i++) b -= at(b) / ((at(b + 1e-5) - at(b - 1e-5)) / 2e-5);
        const { logits } = referenceSigmoidLoss({ ...pairs, b });
        const matches = logits.reduce((total, l) => total + 1 / (1 + Math.exp(-l)), 0);
        expect(Math.abs(matches - pairs.n)).toBeLessThan(1e-10 * pairs.n);
      }),
      { numRuns: 30 },
    );
  });
});
