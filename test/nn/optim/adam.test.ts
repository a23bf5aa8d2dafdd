import { describe, expect, it } from "vitest";
import { AdamW, adam } from "../../../src/nn/index.ts";
import { expectSameBits, expectWithin } from "../../support/expect.ts";
import { replay } from "../../support/replay.ts";

const OPTIONS = { lr: 0.01, beta1: 0.8, beta2: 0.9, eps: 1e-6 };

describe.each([["f64", 1e-12], ["f32", 2e-6]] as const)("Adam in %s", (dtype, tolerance) => {
  it("decays by the gradient of a penalty: not scheduled, and divided by √v̂ like the rest", () => {
    const wd = 0.3;
    const factor = (step: number) => 1 / (step + 1);
    const make = (p: Parameters<typeof adam>[0]) => adam(p, { ...OPTIONS, weightDecay: wd, clipNorm: 1 });
    const { start, gradients, end } = replay(make, { shape: [3, 5], factor }, dtype);
    const p = [...start];
    const [m, v] = [p.map(() => 0), p.map(() => 0)];
    gradients.forEach((gradient, step) => {
      const scale = Math.min(1, 1 / Math.hypot(...gradient));
      gradient.forEach((x, i) => {
        const g = scale * x + wd * p[i];
        m[i] = 0.8 * m[i] + 0.2 * g;
        v[i] = 0.9 * v[i] + 0.1 * g * g;
        const [mHat, vHat] = [m[i] / (1 - 0.8 ** (step + 1)), v[i] / (1 - 0.9 ** (step + 1))];
        p[i] -= (factor(step) * 0.01 * mHat) / (Math.sqrt(vHat) + 1e-6);
      });
    });
    expectWithin(end, p, tolerance);
  });

  it("is AdamW where nothing decays, bit for bit", () => {
    const decaying = { ...OPTIONS, weightDecay: 0.3 };
    const one = replay((p) => adam(p, decaying), { shape: [7], path: "bias" }, dtype);
    const other = replay((p) => new AdamW(p, decaying), { shape: [7], path: "bias" }, dtype);
    expectSameBits(one.end, other.end);
    expect(one.end).not.toEqual(one.start);
  });
}); // biome-ignore format: types in a line
