import { describe, expect, test } from "vitest";
import { settled } from "../../../src/tensor/select/tileSpeed.ts";

const waiting = { first: 12, best: 12 };
const optimized = { first: 12, best: 110 };

describe("the timing of tiles", () => {
  test("ends when all have run in optimized code, and not in the first milliseconds", () => {
    expect(settled([optimized, optimized], 1)).toBe(false);
    expect(settled([optimized, optimized], 13)).toBe(true);
  });

  test("continues for a second while the compiler is still optimizing one of them", () => {
    expect(settled([waiting, optimized], 310)).toBe(false);
    expect(settled([waiting, optimized], 1000)).toBe(false);
    expect(settled([waiting, optimized], 1600)).toBe(true);
  });

  test("ends after 300 ms if no tile has become faster", () => {
    expect(settled([waiting, waiting], 200)).toBe(false);
    expect(settled([waiting, waiting], 310)).toBe(true);
  });
});
