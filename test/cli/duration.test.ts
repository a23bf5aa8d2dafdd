/** Durations in steps. */
import { expect, it } from "vitest";
import { durationInSteps, parseDuration } from "../../src/cli/duration.ts";

const run = { steps: 1000, batch: 128, stepsPerEpoch: 12 };

it.each([
  ["0", 0],
  ["400", 400],
  ["400 steps", 400],
  ["400steps", 400],
  ["1 step", 1],
  ["2.5 epochs", 30],
  ["1 epoch", 12],
  ["1000 examples", 7],
  ["10%", 100],
  ["0.05%", 0],
])("%s is %i steps", (text, steps) => {
  expect(durationInSteps(text, run)).toBe(steps);
});

it.each(["", "%", "-1", "1e3", "101%", "5 days", "1,000", "٣", "9".repeat(400)])("%j is not a duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
  expect(() => durationInSteps(text, run)).toThrow(RangeError);
});
