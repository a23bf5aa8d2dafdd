/** Silence, measured on a clock that the test sets. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { Silence } from "../../src/parallel/silence.ts";

/** Looks: time since the previous look, and whether there was a heartbeat. */
const looks = fc.array(fc.record({ after: fc.double({ min: 0, max: 1e5, noNaN: true }), moved: fc.boolean() }), {
  maxLength: 30,
});

it("is the time since the last heartbeat, as long as one looks often enough", () => {
  fc.assert(
    fc.property(looks, (all) => {
      let [now, life, last] = [0, 0, 0];
      const silence = new Silence(Number.POSITIVE_INFINITY, now, life);
      for (const { after, moved } of all) {
        now += after;
        if (moved) [life, last] = [life + 1, now];
        expect(silence.look(now, life)).toBeCloseTo(now - last, 6);
        expect(silence.ms).toBeCloseTo(now - last, 6);
      }
    }),
  );
});

it("counts a late look only up to the limit: a process stopped for an hour loses the limit, not an hour", () => {
  const silence = new Silence(500, 0, 7);
  expect(silence.look(250, 7)).toBe(250);
  expect(silence.look(3_600_250, 7)).toBe(750);
  expect(silence.look(3_600_500, 7)).toBe(1000);
  expect(silence.look(3_600_750, 8)).toBe(0);
});

it("grows to any deadline when nothing changes, whatever the looks", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 1, max: 1e4, noNaN: true }), { minLength: 40, maxLength: 60 }), (gaps) => {
      const silence = new Silence(200, 0, 0);
      let now = 0;
      for (const gap of gaps) {
        now += gap;
        silence.look(now, 0);
      }
      expect(silence.ms).toBeGreaterThanOrEqual(40);
      expect(silence.ms).toBeLessThanOrEqual(Math.min(now, 200 * gaps.length) + 1e-6);
    }),
  );
});
