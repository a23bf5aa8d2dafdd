/** The health of a training as fields of metrics. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { ClippedSteps, healthMetrics } from "../../src/run/healthMetrics.ts";

it("the share of clipped steps is the same however often a run is saved and resumed", () => {
  const steps = fc.array(fc.record({ gradNorm: fc.constantFrom(0.5, 1, 1.5, 9), resumed: fc.boolean() }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(steps, (all) => {
      let counter = new ClippedSteps(1);
      for (const { gradNorm, resumed } of all) {
        counter.saw(gradNorm);
        if (resumed) counter = new ClippedSteps(1, counter.pending);
      }
      expect(counter.takeShare()).toBe(all.filter(({ gradNorm }) => gradNorm > 1).length / all.length);
      expect(counter.pending.steps).toBe(0);
    }),
  );
});

it("a part of a measure is named after a point, and what is over all parameters has no part", () => {
  const spread = { min: 1, mean: 2, max: 3 };
  const norms = { all: 4, image: 5, text: 6 };
  expect(
    healthMetrics({
      positives: spread,
      embeddingNorm: { image: 7, text: 8 },
      gradNorm: { image: 9, text: 10 },
      updateNorm: norms,
      paramNorm: norms,
    }),
  ).toEqual({
    ...{ "positives.min": 1, "positives.mean": 2, "positives.max": 3 },
    ...{ "embeddingNorm.image": 7, "embeddingNorm.text": 8, "gradNorm.image": 9, "gradNorm.text": 10 },
    ...{ updateNorm: 4, "updateNorm.image": 5, "updateNorm.text": 6 },
    ...{ paramNorm: 4, "paramNorm.image": 5, "paramNorm.text": 6 },
  });
});
