import { describe, expect, it } from "vitest";
import { showTime } from "../../src/run/showTime.ts";

describe("showTime", () => {
  it.each([
    [0, "0 s"],
    [0.2, "1 s"],
    [31, "31 s"],
    [59.5, "1 min 00 s"],
    [125, "2 min 05 s"],
    [192, "3 min 12 s"],
    [3599.5, "1 h 00 min"],
    [7260, "2 h 01 min"],
  ])("writes %f seconds as %s", (seconds, text) => expect(showTime(seconds)).toBe(text));
});
