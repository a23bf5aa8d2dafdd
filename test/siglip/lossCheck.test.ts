import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alone, type Communicator } from "../../src/parallel/index.ts";
import { lockstep } from "../../src/parallel/lockstep.ts";
import { fusedSigmoidLoss, type LossGradients } from "../../src/siglip/index.ts";
import { checkLoss, type LossCheck } from "../../src/siglip/lossCheck.ts";
import { type DType, Rng, tensor } from "../../src/tensor/index.ts";
import { seeds, unitPairs, unitRows } from "../support/generators.ts";
import { type Pairs, referenceSigmoidLoss } from "../support/referenceLoss.ts";

const pairsOf = (n: number, d: number, seed = 1): Pairs => ({
  n,
  d,
  x: unitRows(new Rng(seed).split("x"), n, d),
  y: unitRows(new Rng(seed).split("y"), n, d),
  tPrime: Math.log(10),
  b: -10,
});

interface Options {
  readonly dtype?: DType;
  readonly comm?: Communicator;
  readonly seed?: number;
  /** The fault to inject. */
  readonly bug?: (result: LossGradients) => LossGradients;
}

/** The check of this device's share of the fused loss of `pairs`. */
function check(
  { n, d, x, y, tPrime, b }: Pairs,
  rows: number,
  { dtype = "f32", comm = alone, seed = 0, bug = (result) => result }: Options = {},
): LossCheck {
  const own = n / comm.size;
  const share = (all: Float64Array) =>
    tensor(all.subarray(comm.rank * own * d, (comm.rank + 1) * own * d), [own, d], dtype);
  const [zimg, ztxt] = [share(x), share(y)];
  const result = bug(fusedSigmoidLoss(zimg, ztxt, tPrime, b, comm));
  return checkLoss({ zimg, ztxt, tPrime, b, result }, rows, new Rng(seed), comm);
}

describe("checkLoss", () => {
  it("finds a correct loss in f64 exact to the last digits when it checks every row", () => {
    fc.assert(
      fc.property(
        unitPairs.filter(({ n }) => n >= 2),
        (pairs) => {
          const { loss, dTPrime, dB } = referenceSigmoidLoss(pairs);
          const found = check(pairs, pairs.n, { dtype: "f64" });
          expect(found.zimgError).toBeLessThan(1e-9);
          expect(found.ztxtError).toBeLessThan(1e-9);
          for (const [{ estimate, standardError, deviation }, exact] of [
            [found.loss, loss],
            [found.tPrime, dTPrime],
            [found.b, dB],
          ] as const) {
            expect(Math.abs(estimate - exact)).toBeLessThanOrEqual(1e-11 * (1 + Math.abs(exact) + loss));
            expect([standardError, deviation]).toEqual([0, null]);
          }
        },
      ),
    );
  });

  it("measures the rounding of f32, and reports how many rows it checked", () => {
    const found = check(pairsOf(96, 24), 40);
    expect(found.rows).toBe(40);
    for (const error of [found.zimgError, found.ztxtError]) {
      expect(error).toBeGreaterThan(2 ** -27);
      expect(error).toBeLessThan(1e-5);
    }
  });

  it.each([2, 3, 4])("says the same on each of %i devices as on one", (size) => {
    const pairs = pairsOf(48, 8);
    const expected = check(pairs, 20, { dtype: "f64" });
    for (const found of lockstep(size, (comm) => check(pairs, 20, { dtype: "f64", comm }))) {
      expect(found.zimgError).toBeLessThan(1e-12);
      expect(found.ztxtError).toBeLessThan(1e-12);
      for (const name of ["loss", "tPrime", "b"] as const) {
        expect(found[name].estimate).toBeCloseTo(expected[name].estimate, 12);
        expect(found[name].standardError).toBeCloseTo(expected[name].standardError, 12);
      }
    }
  });

  it.each(["dzimg", "dztxt"] as const)(
    "sees a perturbed row of %s, by as much as it is wrong, and no other",
    (side) => {
      fc.assert(
        fc.property(fc.nat(31), fc.nat(7), fc.double({ min: 0.001, max: 10, noNaN: true }), (row, k, by) => {
          const pairs = pairsOf(32, 8);
          const found = check(pairs, 32, {
            dtype: "f64",
            bug: (result) => {
              const values = result[side].data.subarray(row * 8, row * 8 + 8);
              values[k] += by * Math.max(...Array.from(values, Math.abs));
              return result;
            },
          });
          const [seen, other] =
            side === "dzimg" ? [found.zimgError, found.ztxtError] : [found.ztxtError, found.zimgError];
          expect(seen).toBeCloseTo(by, 9);
          expect(other).toBeLessThan(1e-12);
        }),
      );
    },
  );

  it("detects gradients of texts that are missing or come from the wrong device", () => {
    const pairs = pairsOf(48, 8);
    const lost = (result: LossGradients): LossGradients => ({ ...result, dztxt: tensor(new Array(24 * 8).fill(0), [24, 8]) });
    const swapped = (comm: Communicator) => (result: LossGradients): LossGradients => ({ ...result, dzimg: comm.shift(result.dzimg, 1) });
    expect(lockstep(2, (comm) => check(pairs, 8, { comm, bug: lost }))[0].ztxtError).toBeCloseTo(1, 6);
    expect(lockstep(2, (comm) => check(pairs, 8, { comm, bug: swapped(comm) }))[1].zimgError).toBeGreaterThan(0.1);
  }); // biome-ignore format: a bug a line

  it("is as far from the loss, in standard errors, as a sample of rows should be", () => {
    const pairs = pairsOf(256, 8);
    const names = ["loss", "tPrime", "b"] as const;
    const deviations = names.map(() => [] as number[]);
    for (let seed = 0; seed < 200; seed++) {
      const found = check(pairs, 32, { seed });
      for (const [i, name] of names.entries()) deviations[i].push(found[name].deviation as number);
    }
    for (const each of deviations) {
      const meanSquare = each.reduce((sum, x) => sum + x * x, 0) / each.length;
      expect(meanSquare).toBeGreaterThan(0.6);
      expect(meanSquare).toBeLessThan(1.6);
      expect(Math.max(...each.map(Math.abs))).toBeLessThan(5);
    }
  });

  it("brackets the loss and its gradients of t′ and b for any batch", () => {
    fc.assert(
      fc.property(seeds, fc.integer({ min: 64, max: 128 }), fc.constantFrom(4, 16, 64), (seed, n, d) => {
        const found = check(pairsOf(n, d, seed), 32, { seed });
        for (const { deviation } of [found.loss, found.tPrime, found.b]) {
          expect(Math.abs(deviation as number)).toBeLessThan(7);
        }
      }),
    );
  });

  it("detects a loss that counts its positives twice", () => {
    const pairs = pairsOf(512, 8);
    const twice = (result: LossGradients): LossGradients => ({ ...result, loss: result.loss * 2 });
    expect(Math.abs(check(pairs, 64, { bug: twice }).loss.deviation as number)).toBeGreaterThan(50);
  });

  it("refuses a gradient or a loss that is not finite, and names it", () => {
    const broken = (result: LossGradients): LossGradients => {
      result.dztxt.data[3 * 8] = Number.NaN;
      return result;
    };
    expect(() => check(pairsOf(16, 8), 16, { bug: broken })).toThrow("the gradient of text 3 is NaN");
    const infinite = (result: LossGradients): LossGradients => ({ ...result, loss: Number.POSITIVE_INFINITY });
    expect(() => check(pairsOf(16, 8), 4, { bug: infinite })).toThrow(
      "the loss or the gradient of t′ or b is Infinity",
    );
  });
});
