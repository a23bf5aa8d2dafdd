/** The time of a run by a trial. */
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { resolveConfig } from "../../src/run/config.ts";
import { trainingSeconds } from "../../src/run/trial.ts";

const trial = { steps: 10, checkpointBytes: 0 };
const pairs = fc.integer({ min: 1, max: 4096 }).map((half) => 2 * half);

it("a trial of whole batches takes its time for every step", () => {
  fc.assert(
    fc.property(pairs, fc.double({ min: 1e-3, max: 100, noNaN: true }), (batch, seconds) => {
      const config = resolveConfig("shapes", [`train.batch=${batch}`, "train.steps=1000"]);
      expect(trainingSeconds(config, { ...trial, batch, seconds, flops: 1e9 })).toBeCloseTo(1000 * seconds, 5);
    }),
  );
});

it("a trial of a part grows with the pairs, and if the loss is all of its work, with their square", () => {
  fc.assert(
    fc.property(pairs, fc.integer({ min: 2, max: 8 }), (batch, times) => {
      const config = resolveConfig("shapes", [`train.batch=${times * batch}`, "train.steps=1", "train.shards=1"]);
      const seconds = 2;
      const ofLoss = 6 * config.model.embedDim * batch ** 2;
      const of = (flops: number): number => trainingSeconds(config, { ...trial, batch, seconds, flops });
      expect(of(ofLoss)).toBeCloseTo(times ** 2 * seconds, 6);
      expect(of(2 * ofLoss)).toBeCloseTo(((times ** 2 + times) / 2) * seconds, 6);
    }),
    { numRuns: 30 },
  );
});
