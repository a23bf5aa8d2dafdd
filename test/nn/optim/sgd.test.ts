import { describe, expect, it } from "vitest";
import { OptimizerError, sgd } from "../../../src/nn/index.ts";
import { expectWithin } from "../../support/expect.ts";
import { replay } from "../../support/replay.ts";

describe.each([
  ["f64", 1e-13],
  ["f32", 2e-6],
] as const)("SGD in %s", (dtype, tolerance) => {
  it.each([
    [0.9, false],
    [0.9, true],
    [0, false],
  ])("with momentum %d, Nesterov %s, takes the steps of its formula", (momentum, nesterov) => {
    const options = { lr: 0.02, weightDecay: 0.01, clipNorm: 0.5, momentum, nesterov };
    const { start, gradients, end } = replay((p) => sgd(p, options), { shape: [5, 4], factor: () => 0.5 }, dtype);
    const p = [...start];
    const m = p.map(() => 0);
    for (const gradient of gradients) {
      const scale = Math.min(1, 0.5 / Math.hypot(...gradient)); // clipping
      gradient.forEach((x, i) => {
        const g = scale * x;
        m[i] = momentum * m[i] + g;
        p[i] -= 0.5 * (0.02 * (nesterov ? g + momentum * m[i] : m[i]) + 0.01 * p[i]);
      });
    }
    expectWithin(end, p, tolerance);
  });
});

it("SGD refuses a momentum of 1, and a switch that is no switch", () => {
  expect(() => sgd(new Map(), { lr: 1, momentum: 1 })).toThrow(OptimizerError);
  expect(() => sgd(new Map(), { lr: 1, nesterov: "yes" } as never)).toThrow(/nesterov yes is not true or false/);
});
