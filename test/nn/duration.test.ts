/** Durations as text; their steps are compared with big_vision's in parity/bigVision/schedules. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { durationInSteps, parseDuration, ScheduleError } from "../../src/nn/index.ts";

const run = { steps: 1000, batch: 128, stepsPerEpoch: 12.5 };

it.each([
  ["0", 0],
  ["400", 400],
  [" 400 steps ", 400],
  ["1 step", 1],
  ["2 epochs", 25],
  ["1 epoch", 12], // 12.5: halves to even
  ["3 epochs", 38], // 37.5
  ["1000 examples", 8], // 7.8
  ["1e6 examples", 7812], // 7812.5
  ["10%", 100],
  ["0.01%", 1], // 0.1, but never 0
  ["0%", 0],
])("%s is %i steps", (text, steps) => {
  expect(durationInSteps(text, run)).toBe(steps);
});

it.each(["", "%", "-1", "1e-3", "101%", "5 days", "1,000", "1.", "٣", "9".repeat(400)])(
  "%j is not a duration",
  (text) => {
    expect(parseDuration(text)).toBeUndefined();
    expect(() => durationInSteps(text, run)).toThrow(ScheduleError);
  },
);

it("a longer duration is never fewer steps, and a percentage of the run never more than all", () => {
  const share = fc.integer({ min: 0, max: 10_000 }).map((n) => n / 100);
  fc.assert(
    fc.property(share, share, fc.integer({ min: 1, max: 5000 }), (a, b, steps) => {
      const of = (percent: number): number => durationInSteps(`${percent}%`, { ...run, steps });
      expect(of(Math.min(a, b))).toBeLessThanOrEqual(of(Math.max(a, b)));
      expect(of(Math.max(a, b))).toBeLessThanOrEqual(steps);
    }),
  );
});

it.each([{ steps: 0 }, { batch: 0 }, { stepsPerEpoch: Number.NaN }, { batch: Number.NaN }])(
  "durationInSteps rejects a run of %j",
  (wrong) => {
    expect(() => durationInSteps("2 epochs", { ...run, ...wrong })).toThrow(ScheduleError);
  },
);
