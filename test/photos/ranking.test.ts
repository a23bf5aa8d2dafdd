import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bestFirst } from "../../src/photos/ranking.ts";
import { Rng } from "../../src/tensor/index.ts";

describe("bestFirst", () => {
  it("yields candidates by score, of equal ones the first, whatever the bounds are", () => {
    const slacks = fc.constantFrom(0, 0.1, 10);
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(60), fc.integer({ min: 1, max: 20 }), slacks, (seed, count, values, slack) => {
        const rng = new Rng(seed);
        const scores = Float64Array.from({ length: count }, () => Math.floor(rng.uniform() * values));
        const bounds = scores.map((score) => score + slack * Math.floor(3 * rng.uniform()));
        const candidates = Int32Array.from(scores.keys()).filter(() => rng.uniform() < 0.8);
        const expected = [...candidates].sort((a, b) => scores[b] - scores[a] || a - b);
        const ranking = [...bestFirst(candidates, bounds, (i) => scores[i])];
        expect(ranking).toEqual(expected.map((i) => ({ i, score: scores[i] })));
      }),
    );
  });

  it("computes a score at most once, and none whose bound is less than the last that was taken", () => {
    const rng = new Rng(1);
    const scores = Float64Array.from({ length: 1000 }, () => rng.uniform());
    const bounds = scores.map((score) => score + 0.01 * rng.uniform());
    const original = bounds.slice();
    const asked: number[] = [];
    const ranking = bestFirst(Int32Array.from(scores.keys()), bounds, (i) => {
      asked.push(i);
      return scores[i];
    });
    const best = Array.from({ length: 10 }, () => ranking.next().value!);
    expect(new Set(asked).size).toBe(asked.length);
    for (const i of asked) expect(original[i]).toBeGreaterThanOrEqual(best[9].score);
    expect(asked.length).toBeLessThan(30);
  });
});
