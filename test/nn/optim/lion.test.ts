import { expect, it } from "vitest";
import { type LionOptions, lion } from "../../../src/nn/index.ts";
import { expectWithin } from "../../support/expect.ts";
import { replay } from "../../support/replay.ts";

const run = (options: LionOptions, dtype: "f32" | "f64" = "f64") =>
  replay((p) => lion(p, options), { shape: [6, 4] }, dtype);

it.each([
  ["f64", 1e-14],
  ["f32", 1e-6],
] as const)("Lion in %s moves by the sign of a mixture, and keeps another", (dtype, tolerance) => {
  const { start, gradients, end } = run({ lr: 0.01, weightDecay: 0.02, beta1: 0.8, beta2: 0.95 }, dtype);
  const p = [...start];
  const m = p.map(() => 0);
  for (const gradient of gradients) {
    gradient.forEach((g, i) => {
      p[i] -= 0.01 * Math.sign(0.8 * m[i] + 0.2 * g) + 0.02 * p[i];
      m[i] = 0.95 * m[i] + 0.05 * g;
    });
  }
  expectWithin(end, p, tolerance);
});

it("Lion's steps are independent of the size of its gradients, so clipping changes nothing", () => {
  expect(run({ lr: 0.01 }).end).toEqual(run({ lr: 0.01, clipNorm: 2 ** -10 }).end);
});
