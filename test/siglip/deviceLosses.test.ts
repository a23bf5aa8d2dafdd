/** The forms of the losses on several devices against the formula: values and every gradient. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Rng } from "../../src/tensor/index.ts";
import { type Bounds, lossBounds, U32, U64 } from "../support/bounds.ts";
import { expectWithin } from "../support/expect.ts";
import { anyPairsOf, orderOf, reorder, seeds, unitRow, unitRows } from "../support/generators.ts";
import { type Gradients, type Pairs, referenceSigmoidLoss, referenceSoftmaxLoss } from "../support/referenceLoss.ts";
import { type Form, lockstepParts, onDevices } from "../support/shares.ts";

const SIGMOID_FORMS = ["chunked", "fused"] as const satisfies readonly Form[];
const RUNS = SIGMOID_FORMS.flatMap((form) => [[form, "f32", U32] as const, [form, "f64", U64] as const]);
const MOST_PAIRS = 72;

/** Devices, shards on each of them and rows in each shard. */
const cuts = fc
  .record({
    size: fc.integer({ min: 1, max: 8 }),
    owned: fc.integer({ min: 1, max: 3 }),
    rows: fc.integer({ min: 1, max: 9 }),
  })
  .filter(({ size, owned, rows }) => size * owned * rows <= MOST_PAIRS);

/** A batch and its cut. */
const cases = cuts.chain((cut) =>
  anyPairsOf(cut.size * cut.owned * cut.rows).map((pairs) => ({ ...cut, pairs, shards: cut.size * cut.owned })),
);

const dotSize = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + Math.abs(value * b[i]), 0);
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i], 0);

/** ∂t′ of the fused form is read off ∂X: Σ⟨xᵢ, ∂xᵢ⟩, and has its errors. */
const slopeBound = ({ x }: Pairs, bounds: Bounds): number => bounds.dTPrime + dotSize(x, bounds.dX);

function expectLoss(actual: Gradients, expected: Gradients, pairs: Pairs, u: number): void {
  const bounds = lossBounds(pairs, referenceSigmoidLoss(pairs), u);
  const twice = (values: Float64Array) => values.map((value) => 2 * value);
  expectWithin([actual.loss], [expected.loss], 2 * bounds.loss, "loss");
  expectWithin(actual.dX, expected.dX, twice(bounds.dX), "dX");
  expectWithin(actual.dY, expected.dY, twice(bounds.dY), "dY");
  expectWithin([actual.dTPrime], [expected.dTPrime], 2 * slopeBound(pairs, bounds), "dt′");
  expectWithin([actual.dB], [expected.dB], 2 * bounds.dB, "db");
}

/** Unit pairs of a batch at a bias that is not 0, so that a wrong label shows. */
function ordinary(n: number, d: number, seed: number): Pairs {
  const rng = new Rng(seed);
  const y = unitRows(rng.split("y"), n, d);
  return { n, d, x: unitRows(rng.split("x"), n, d), y, tPrime: Math.log(10), b: -2 };
}

describe.each(RUNS)("the sigmoid loss, %s, in %s", { timeout: 60_000 }, (form, dtype, u) => {
  const run = (pairs: Pairs, size: number, shards = size): Gradients => onDevices({ form, dtype, pairs, shards }, size);

  it("equals the formula for any devices, shards and rows, with the gradients of X, Y, t′ and b", () => {
    fc.assert(
      fc.property(cases, ({ pairs, size, shards }) => {
        expectLoss(run(pairs, size, shards), referenceSigmoidLoss(pairs), pairs, u);
      }),
      { numRuns: 60 },
    );
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("on %i devices equals the formula", (size) => {
    for (const rows of [1, 2, 3]) {
      const pairs = ordinary(size * rows, 5, size);
      expectLoss(run(pairs, size), referenceSigmoidLoss(pairs), pairs, u);
    }
  });

  it("has gradients of X and of Y along their own rows, and of t′, that are one number", () => {
    fc.assert(
      fc.property(cases, ({ pairs, size, shards }) => {
        const { dX, dY, dTPrime } = run(pairs, size, shards);
        const bounds = lossBounds(pairs, referenceSigmoidLoss(pairs), u);
        const slope = slopeBound(pairs, bounds);
        expectWithin([dot(pairs.x, dX)], [dTPrime], 2 * (dotSize(pairs.x, bounds.dX) + slope), "⟨X, dX⟩");
        expectWithin([dot(pairs.y, dY)], [dTPrime], 2 * (dotSize(pairs.y, bounds.dY) + slope), "⟨Y, dY⟩");
      }),
      { numRuns: 30 },
    );
  });

  it("is the same for any placement of the pairs; gradients move with their rows", () => {
    fc.assert(
      fc.property(cases, seeds, ({ pairs, size, shards }, seed) => {
        const order = orderOf(pairs.n, seed);
        const moved = { ...pairs, x: reorder(pairs.x, order, pairs.d), y: reorder(pairs.y, order, pairs.d) };
        const before = run(pairs, size, shards);
        const expected = {
          ...before,
          dX: reorder(before.dX, order, pairs.d),
          dY: reorder(before.dY, order, pairs.d),
        };
        expectLoss(run(moved, size, shards), expected, moved, u);
      }),
      { numRuns: 20 },
    );
  });

  it("is (softplus(−b) + (n − 1)·softplus(b)) for texts of zeros, wherever they are", () => {
    for (let size = 1; size <= 8; size++) {
      const n = 2 * size;
      const pairs = { ...ordinary(n, 4, size), y: new Float64Array(n * 4), b: -1.5 };
      const expected = Math.log1p(Math.exp(1.5)) + (n - 1) * Math.log1p(Math.exp(-1.5));
      expectWithin([run(pairs, size).loss], [expected], 8 * u * expected, `on ${size} devices`);
    }
  });

  it("depends on every pair: moving one text changes the gradients of images on every device", () => {
    const size = 5;
    const pairs = ordinary(size, 4, 7);
    const y = pairs.y.slice();
    y.set(unitRow(new Rng(8), 4), 2 * 4);
    const [before, after] = [run(pairs, size), run({ ...pairs, y }, size)];
    for (let i = 0; i < size; i++) {
      const row = (dX: ArrayLike<number>) => Array.from(dX).slice(i * 4, (i + 1) * 4);
      expect(row(before.dX), `row ${i}`).not.toEqual(row(after.dX));
    }
  });

  it("is not finite if one number of one device is NaN", () => {
    for (const size of [1, 2, 5]) {
      for (const side of ["x", "y"] as const) {
        const pairs = ordinary(2 * size, 3, 1);
        const broken = { ...pairs, [side]: pairs[side].with(3 * (2 * size - 1), Number.NaN) };
        const out = run(broken, size);
        expect([out.loss, out.dTPrime, out.dB]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
      }
    }
  });
});

describe.each(["f32", "f64"] as const)("at the edge of what %s holds, on devices", (dtype) => {
  const run = (form: Form, pairs: Pairs, size: number) => onDevices({ form, dtype, pairs, shards: size }, size);
  const single = (l: number, m: number): Pairs => ({
    // ℓ = [[l, m], [m, l]]
    n: 2,
    d: 2,
    x: Float64Array.of(l, m, m, l),
    y: Float64Array.of(1, 0, 0, 1),
    tPrime: 0,
    b: 0,
  });

  it.each(SIGMOID_FORMS)("%s: a far negative costs exactly its logit, a far match nothing", (form) => {
    for (const far of [40, 1e2, 1e4, 1e30]) {
      const { loss, dX, dY } = run(form, single(far, Math.fround(far)), 2);
      expect(loss).toBe(Math.fround(far));
      expect(Array.from(dX)).toEqual([0, 0.5, 0.5, 0].map((value) => expect.closeTo(value, 12)));
      expect(Array.from(dY).every(Number.isFinite)).toBe(true);
    }
  });

  it.each(SIGMOID_FORMS)("%s: b = ±10⁴ saturates every pair", (form) => {
    for (const size of [1, 2, 3]) {
      const pairs = ordinary(2 * size, 3, size);
      expect(run(form, { ...pairs, b: 1e4 }, size).dB).toBeCloseTo(pairs.n - 1, 5);
      expect(run(form, { ...pairs, b: -1e4 }, size).dB).toBeCloseTo(-1, 5);
    }
  });
});

const SOFTMAX_FORMS = ["softmax", "softmaxDense"] as const satisfies readonly Form[];

describe.each(SOFTMAX_FORMS.flatMap((form) => [[form, "f32", U32] as const, [form, "f64", U64] as const]))(
  "the softmax loss, %s, in %s",
  { timeout: 60_000 },
  (form, dtype, u) => {
    const expectReference = (pairs: Pairs, size: number, shards: number): void => {
      const expected = referenceSoftmaxLoss(pairs);
      const actual = onDevices({ form, dtype, pairs, shards }, size);
      const off = 200 * 10 * u; // logits of at most t = 10, off by t·(d + n + 16)·u; slopes of at most 2
      expectWithin([actual.loss], [expected.loss], off, "loss");
      expectWithin(actual.dX, expected.dX, 10 * off, "dX");
      expectWithin(actual.dY, expected.dY, 10 * off, "dY");
      expectWithin([actual.dTPrime], [expected.dTPrime], 10 * off, "dt′");
    };

    it.each([1, 2, 3, 4, 5, 8])("on %i devices equals the formula, gradients included", (size) => {
      for (const rows of [1, 2, 3]) expectReference(ordinary(size * rows, 5, size), size, size);
    });

    it("equals the formula for any devices, shards and rows", () => {
      fc.assert(
        fc.property(cuts, seeds, ({ size, owned, rows }, seed) => {
          expectReference(ordinary(size * owned * rows, 5, seed), size, size * owned);
        }),
        { numRuns: 30 },
      );
    });

    it("of far and saturated logits, up to 1e38, is how far positives fall behind", () => {
      for (const size of [1, 2]) {
        for (const far of [40, 1e4, 1e30, 1e38].map(Math.fround)) {
          // ℓ = [[0, far], [0, 0]]: the first image and the second text lose by `far`, the others are even.
          const pairs = {
            n: 2,
            d: 2,
            x: Float64Array.of(0, far, 0, 0),
            y: Float64Array.of(1, 0, 0, 1),
            tPrime: 0,
            b: 0,
          };
          const { loss, dX } = onDevices({ form, dtype, pairs, shards: size }, size);
          expect(Math.abs(loss - (far + Math.LN2) / 2)).toBeLessThanOrEqual(4 * u * far);
          expectWithin(dX, [-3 / 8, 1 / 2, 1 / 4, -3 / 8], 8 * u, "dX"); // G, since Y = I
        }
      }
    });

    it("is not finite if one number of one device is NaN", () => {
      for (const size of [1, 2, 5]) {
        for (const side of ["x", "y"] as const) {
          const pairs = ordinary(2 * size, 3, 1);
          const broken = { ...pairs, [side]: pairs[side].with(3 * (2 * size - 1), Number.NaN) };
          const { loss, dTPrime } = onDevices({ form, dtype, pairs: broken, shards: size }, size);
          expect([loss, dTPrime]).toEqual([Number.NaN, Number.NaN]);
        }
      }
    });
  },
);

it("the shares of the ranks of the chunked form differ and add up to the loss", () => {
  const pairs = ordinary(6, 4, 3);
  const parts = lockstepParts({ form: "chunked", dtype: "f64", pairs, shards: 3 }, 3);
  const losses = parts.map(({ loss }) => loss);
  expect(new Set(losses).size).toBe(3);
  expect(losses.reduce((a, b) => a + b)).toBeCloseTo(referenceSigmoidLoss(pairs).loss, 12);
});
