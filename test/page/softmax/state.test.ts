import { describe, expect, it } from "vitest";
import { CHANGE_NAMES, CHANGES, parametersOf, sidesOf, stateOf } from "../../../page/softmax/state.ts";

const moved = (change: string, view: string) => {
  const { sigmoid, softmax } = sidesOf(stateOf(new URLSearchParams({ change, view })));
  return [sigmoid, softmax].map(({ changed, kept }) => [changed.filter(Boolean).length, kept]);
};

describe("what moves in the other cells", () => {
  it("is nothing in sigmoid and everything in softmax if a pair goes, comes twice, or the batch changes its size", () => {
    for (const view of ["probability", "gradient"]) {
      expect(moved("remove", view)).toEqual([[0, 121], [121, 121]]);
      expect(moved("duplicate", view)).toEqual([[0, 144], [144, 144]]);
      expect(moved("half", view)).toEqual([[0, 36], [36, 36]]);
      expect(moved("more", view)).toEqual([[0, 144], [144, 144]]);
    }
  });
  it("is the gradient of four cells in both if two labels are swapped", () => {
    expect(moved("swap", "gradient")).toEqual([[4, 144], [4, 144]]);
    expect(moved("swap", "probability")).toEqual([[0, 144], [0, 144]]);
  });
  it("is nothing without a change", () => {
    expect(moved("nothing", "gradient")).toEqual([[0, 144], [0, 144]]);
  });
}); // biome-ignore format: counts of sigmoid beside those of softmax

it("a copy keeps both copies of a pair at a softmax probability of at most one half", () => {
  const { softmax, shown } = sidesOf(stateOf(new URLSearchParams({ change: "duplicate" })));
  const last = shown.length - 1;
  expect(softmax.square.probabilities[0]).toBeLessThanOrEqual(0.5);
  expect(softmax.square.probabilities[last]).toBeCloseTo(softmax.square.probabilities[0], 12);
});

it("an address gives the state that wrote it, for every change", () => {
  for (const change of CHANGE_NAMES) {
    const state = { change, view: "gradient", stage: 1, t: 20, b: -3.5 } as const;
    const address = new URLSearchParams(
      Object.entries(parametersOf(state)).map(([key, value]) => [key, String(value)]),
    );
    expect(stateOf(address)).toEqual(state);
    expect(CHANGES[change].batch.matchOf.length).toBe(CHANGES[change].batch.shown.length);
  }
});
