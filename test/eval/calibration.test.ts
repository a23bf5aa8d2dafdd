import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calibration, EvaluationError } from "../../src/eval/index.ts";
import { Rng } from "../../src/tensor/index.ts";

const logit = (p: number) => Math.log(p / (1 - p));
const sigmoid = (l: number) => 1 / (1 + Math.exp(-l));

/** Embeddings whose score of image i and text j is logits[i][j]: with t = 1, b = 0 the logit. */
function fromLogits(logits: readonly (readonly number[])[]) {
  const texts = logits[0].length;
  const ztxt = new Float64Array(texts * texts);
  for (let j = 0; j < texts; j++) ztxt[j * texts + j] = 1;
  return { zimg: Float64Array.from(logits.flat()), ztxt };
}
const diagonal = (n: number) => Array.from({ length: n }, (_, i) => i);
const constant = (n: number, p: number) => diagonal(n).map(() => diagonal(n).map(() => logit(p)));
/** Calibration of logits of n images and n texts. */
function ofLogits(logits: readonly (readonly number[])[], candidates = logits.length) {
  const { zimg, ztxt } = fromLogits(logits);
  return calibration(zimg, ztxt, diagonal(logits.length), { t: 1, b: 0, candidates });
}

describe("calibration", () => {
  it("equals the definition: pair by pair, each weight repeated", () => {
    const problem = fc.integer({ min: 2, max: 6 }).chain((n) =>
      fc.record({
        logits: fc.array(fc.array(fc.double({ min: -6, max: 6, noNaN: true }), { minLength: n, maxLength: n }), {
          minLength: n,
          maxLength: n,
        }),
        repeats: fc.integer({ min: 1, max: 5 }),
        t: fc.double({ min: 0.1, max: 3, noNaN: true }),
        b: fc.double({ min: -3, max: 3, noNaN: true }),
      }),
    );
    fc.assert(
      fc.property(problem, ({ logits, repeats, t, b }) => {
        const n = logits.length;
        // A weight of `repeats` for others is that of 1 + repeats·(n − 1) candidates.
        const { zimg, ztxt } = fromLogits(logits);
        const own = calibration(zimg, ztxt, diagonal(n), { t, b, candidates: 1 + repeats * (n - 1) });
        const pairs = logits.flatMap((row, i) =>
          row.flatMap((score, j) => {
            const pair = { p: sigmoid(t * score + b), matches: i === j ? 1 : 0 };
            return i === j ? [pair] : Array.from({ length: repeats }, () => pair);
          }),
        );
        let ece = 0;
        for (let m = 0; m < 10; m++) {
          const inside = pairs.filter(({ p }) => Math.min(9, Math.floor(10 * p)) === m);
          const bin = own.bins.find(({ low }) => Math.abs(low - m / 10) < 1e-9);
          expect(bin === undefined).toBe(inside.length === 0);
          if (!bin) continue;
          const mean = (of: "p" | "matches") => inside.reduce((sum, pair) => sum + pair[of], 0) / inside.length;
          expect(bin.predicted).toBeCloseTo(mean("p"), 12);
          expect(bin.observed).toBeCloseTo(mean("matches"), 12);
          ece += (inside.length / pairs.length) * Math.abs(mean("p") - mean("matches"));
        }
        expect(own.ece).toBeCloseTo(ece, 12);
      }),
    );
  });

  it("has each pair in the bin of its probability, counted once", () => {
    const { bins } = ofLogits([
      [logit(0.95), logit(0.05)],
      [logit(0.41), logit(0.88)],
    ]);
    expect(bins.map(({ low, high, pairs }) => [low, high, pairs])).toEqual([
      [0, 0.1, 1],
      [0.4, 0.5, 1],
      [0.8, 0.9, 1],
      [0.9, 1, 1],
    ]);
    expect(bins.map(({ observed }) => observed)).toEqual([0, 0, 1, 1]);
    bins.forEach(({ predicted }, i) => {
      expect(predicted).toBeCloseTo([0.05, 0.41, 0.88, 0.95][i], 12);
    });
  });

  it("is 0 for certainty that is right, and 1 per match for a model that always says no", () => {
    const right = diagonal(5).map((i) => diagonal(5).map((j) => (i === j ? 800 : -800)));
    expect(ofLogits(right)).toMatchObject({ ece: 0, perMatch: 0 });
    const no = ofLogits(
      diagonal(5).map(() => diagonal(5).map(() => -800)),
      20,
    );
    expect(no.perMatch).toBe(1);
    expect(no.ece).toBeCloseTo(1 / 20, 15);
  });

  it("is 0 for 1/n of every pair, for any number of candidates and images", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 9 }), fc.integer({ min: 2, max: 5000 }), (images, candidates) => {
        const { ece, perMatch, bins } = ofLogits(constant(images, 1 / candidates), candidates);
        expect(perMatch).toBeLessThan(1e-9);
        expect(ece).toBeLessThan(1e-9);
        expect(bins[0].observed).toBeCloseTo(1 / candidates, 12);
      }),
    );
  });

  it("does not depend on how many images the test set has, if pairs have the same distribution", () => {
    const drawn = (images: number) => {
      const rng = new Rng(images);
      return diagonal(images).map((i) => diagonal(images).map((j) => (i === j ? 1 : -4) + rng.normal()));
    };
    const [few, many] = [60, 240].map((images) => ofLogits(drawn(images), 32).perMatch);
    expect(Math.abs(few - many)).toBeLessThan(0.15);
    // All pairs of the larger set alike are another question with another answer.
    expect(ofLogits(drawn(240)).perMatch).toBeGreaterThan(many + 1);
  });

  it("follows owners: several texts per image, in any order", () => {
    const zimg = Float64Array.of(4, -4, -4, 4); // image 0 fits feature 0
    const ztxt = Float64Array.of(0, 1, 1, 0, 1, 0);
    const { bins } = calibration(zimg, ztxt, [1, 0, 0], { t: 1, b: 0, candidates: 2 });
    expect(bins.map(({ pairs, observed }) => [pairs, observed])).toEqual([
      [3, 0],
      [3, 1],
    ]);
  });

  it("names what does not fit", () => {
    const one = Float64Array.of(1, 0);
    const options = { t: 1, b: 0, candidates: 2 };
    expect(() => calibration(one, one, [0], options)).toThrow(/one image/);
    expect(() => calibration(one, one, [0, 1], { ...options, t: Number.POSITIVE_INFINITY })).toThrow(/t = Infinity/);
    expect(() => calibration(one, one, [0, 1], { ...options, candidates: 1 })).toThrow(/1 candidates/);
    expect(() => calibration(one, one, [0, 2], options)).toThrow(EvaluationError);
  });

  it("calls progress for each image", () => {
    let calls = 0;
    const z = Float32Array.of(1, 0, 0, 1, 1, 1);
    calibration(z, z, [0, 1, 2], { t: 1, b: 0, candidates: 3, progress: () => calls++ });
    expect(calls).toBe(3);
  });
});
