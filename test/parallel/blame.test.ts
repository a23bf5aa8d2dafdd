import { describe, expect, it } from "vitest";
import { blame } from "../../src/parallel/blame.ts";
import { AbortedError, CorruptionError, DeadlineError, DesyncError } from "../../src/parallel/index.ts";

const late = new DeadlineError("");
const different = new DesyncError("");

describe("blame", () => {
  const waits = (...waitsFor: (number | undefined)[]) => ({
    state: (rank: number) => ({ message: 3, what: "barrier", step: 1, waitsFor: waitsFor[rank] }),
  });

  it("follows the ranks that wait for each other to the one that does not", () => {
    expect(blame(waits(1, 2, 3, undefined), 4, 0, late)).toBe(3);
    expect(blame(waits(undefined, 0, 1, 2), 4, 3, late)).toBe(0);
    expect(blame(waits(1, undefined), 2, 0, late)).toBe(1);
  });

  it("ends where ranks wait for each other in a circle, or for nobody", () => {
    expect([0, 1, 2]).toContain(blame(waits(1, 2, 0), 3, 0, late));
    expect(blame(waits(undefined, undefined), 2, 1, late)).toBe(1);
  });

  const says = (...said: readonly (readonly [message: number, what: string, step?: number])[]) => ({
    state: (rank: number) => {
      const [message, what, step = 1] = said[rank];
      return { message, what, step, waitsFor: undefined };
    },
  });

  it("falls on the rank in an operation of its own, whichever rank reports it", () => {
    const states = says([5, "shift"], [5, "shift"], [5, "barrier"], [5, "shift"]);
    for (let reporter = 0; reporter < 4; reporter++) expect(blame(states, 4, reporter, different)).toBe(2);
  });

  it("falls on the rank at another step", () => {
    expect(blame(says([5, "shift", 2], [5, "shift", 3], [5, "shift", 2]), 3, 0, different)).toBe(1);
  });

  it("does not count ranks that are at another message", () => {
    expect(blame(says([5, "shift"], [5, "barrier"], [4, "barrier"], [5, "shift"]), 4, 0, different)).toBe(1);
  });

  it("falls on the lower of two ranks", () => {
    expect(blame(says([5, "shift"], [5, "barrier"]), 2, 1, different)).toBe(0);
  });

  it("falls on the rank whose numbers are wrong or, if it is unknown, on the reporter", () => {
    expect(blame(waits(1, undefined), 3, 0, new CorruptionError("", [2]))).toBe(2);
    expect(blame(waits(1, undefined), 3, 1, new CorruptionError("", []))).toBe(1);
  });

  it("falls on the reporter of any other error", () => {
    expect(blame(waits(1, undefined), 2, 0, new TypeError(""))).toBe(0);
    expect(blame(waits(1, undefined), 2, 0, new AbortedError(""))).toBe(0);
  });
});
