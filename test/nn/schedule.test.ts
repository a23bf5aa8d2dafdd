/** Schedules; their factors are compared with big_vision's in parity/bigVision/schedules. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { SCHEDULE_KINDS, ScheduleError, type ScheduleOptions, schedule } from "../../src/nn/index.ts";

it("a schedule stays in 0..1, rises over the warm-up and reaches 0 where it cools down", () => {
  const lengths = fc.record({ total: fc.integer({ min: 3, max: 300 }), warmup: fc.nat(100), cooldown: fc.nat(100) });
  const kinds = fc.constantFrom(...SCHEDULE_KINDS);
  fc.assert(
    fc.property(lengths, kinds, ({ total, warmup, cooldown }, kind) => {
      fc.pre(warmup + cooldown < total);
      const factor = schedule({ kind, total, warmup, cooldown });
      for (let step = 0; step <= total; step++) {
        expect(factor(step)).toBeGreaterThanOrEqual(0);
        expect(factor(step)).toBeLessThanOrEqual(1);
        if (step > 0 && step <= warmup) expect(factor(step)).toBeGreaterThan(factor(step - 1));
      }
      if (warmup > 0) expect(factor(0)).toBe(0);
      if (cooldown > 0) expect(factor(total)).toBe(0);
    }),
  );
});

it("linear and polynomial schedules fall from 1 to their end, and power 1 is linear", () => {
  const settings = fc.record({ total: fc.integer({ min: 2, max: 300 }), end: fc.double({ min: 0, max: 1, noNaN: true }), power: fc.double({ min: 0.1, max: 5, noNaN: true }) }); // biome-ignore format: one line
  fc.assert(
    fc.property(settings, ({ total, end, power }) => {
      const factor = schedule({ kind: "polynomial", total, end, power });
      const linear = schedule({ kind: "linear", total, end });
      const powerOne = schedule({ kind: "polynomial", total, end, power: 1 });
      expect([factor(0), factor(total)]).toEqual([1, end]);
      for (let step = 1; step <= total; step++) {
        expect(factor(step)).toBeLessThanOrEqual(factor(step - 1));
        expect(powerOne(step)).toBeCloseTo(linear(step), 14);
      }
    }),
  );
});

it("a stair counts from its step on, and warm-up and cool-down multiply it", () => {
  const stairs = [
    { step: 4, factor: 0.5 },
    { step: 8, factor: 0.25 },
  ];
  const plain = schedule({ kind: "stair", total: 12, stairs });
  expect([3, 4, 7, 8, 12].map(plain)).toEqual([1, 0.5, 0.5, 0.25, 0.25]);
  const both = schedule({ kind: "stair", total: 12, warmup: 2, cooldown: 4, stairs });
  expect([0, 1, 2, 6, 10, 12].map(both)).toEqual([0, 0.5, 1, 0.5, 0.125, 0]);
});

it("with a shift, rsqrt begins as far down its curve as if that many steps were done", () => {
  const [plain, shifted] = [{}, { shift: 30 }].map((options) => schedule({ kind: "rsqrt", total: 100, timescale: 20, ...options })); // biome-ignore format: one line
  for (let step = 0; step <= 70; step++) expect(shifted(step)).toBe(plain(step + 30));
});

it("schedule rejects a warm-up and a cool-down that do not fit", () => {
  expect(() => schedule({ kind: "cosine", total: 10, warmup: 6, cooldown: 5 })).toThrow("do not fit into 10 steps");
});

it.each([
  [{ warmUp: 5 }, /warmUp is not an option of rsqrt; .*warmup/],
  [{ total: 0 }, /do not fit into 0 steps/],
  [{ total: Number.NaN }, /do not fit into NaN/],
  [{ warmup: -1 }, /warm-up -1/],
  [{ cooldown: Number.NaN }, /cool-down NaN/],
  [{ warmup: 60, cooldown: 41 }, /warm-up 60 and cool-down 41 do not fit into 100/],
  [{ timescale: 0 }, /timescale 0/],
  [{ timescale: Number.NaN }, /timescale NaN/],
  [{ shift: -1 }, /shift -1/],
  [{ kind: "exponential" }, /unknown kind "exponential"; choose constant, linear/],
  [{ end: 0.5 }, /end is not an option of rsqrt; its options are .*timescale, shift/],
  [{ kind: "cosine", timescale: 5 }, /timescale is not an option of cosine/],
  [{ kind: "linear", end: -1 }, /end -1/],
  [{ kind: "polynomial", power: 0 }, /power 0/],
  [{ kind: "stair", stairs: [{ step: 5, factor: Number.NaN }] }, /stair 0 with factor NaN/],
  [{ kind: "stair", stairs: [5, 4].map((step) => ({ step, factor: 1 })) }, /stair 1 at step 4/],
])("schedule rejects %j", (options, says) => {
  const build = () => schedule({ kind: "rsqrt", total: 100, ...options } as ScheduleOptions);
  expect(build).toThrow(ScheduleError);
  expect(build).toThrow(says);
});
