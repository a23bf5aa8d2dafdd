import { describe, expect, test } from "vitest";
import { settled } from "../../../src/tensor/select/probe.ts";

const waiting = { first: 12, best: 12 };
const optimised = { first: 12, best: 110 };

describe("the timing of tiles", () => {
  test("ends when all have run in optimised code, and not in the first milliseconds", () => {
    expect(settled([optimised, optimised], 1)).toBe(false);
    expect(settled([optimised, optimised], 13)).toBe(true);
  });

  test("goes on for a second while the compiler is still at work on one of them", () => {
    expect(settled([waiting, optimised], 310)).toBe(false);
    expect(settled([waiting, optimised], 1000)).toBe(false);
    expect(settled([waiting, optimised], 1600)).toBe(true);
  });

  test("ends after 300 ms if no tile has become faster", () => {
    expect(settled([waiting, waiting], 200)).toBe(false);
    expect(settled([waiting, waiting], 310)).toBe(true);
  });
});
