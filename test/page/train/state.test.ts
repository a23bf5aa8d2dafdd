import { expect, it } from "vitest";
import { MODES, parametersOf, stateOf } from "../../../page/train/state.ts";

it("an address gives the settings that wrote it", () => {
  for (const kernels of MODES) {
    const state = { seed: 2 ** 32 - 1, kernels, devices: 2, rateOfT: 2.5, words: "red & “blue” = 5 %" };
    const address = new URLSearchParams(
      Object.entries(parametersOf(state)).map(([key, value]) => [key, String(value)]),
    );
    expect(stateOf(new URLSearchParams(address.toString()), 2)).toEqual(state);
  }
});

it("an address that says nothing or nonsense gives the defaults, on as many devices as there are", () => {
  const initial = { seed: 0, kernels: "fast", devices: 2, rateOfT: 1, words: "" };
  expect(stateOf(new URLSearchParams(), 2)).toEqual(initial);
  expect(stateOf(new URLSearchParams("seed=-1&kernels=magic&devices=many&rateOfT=99"), 2)).toEqual(initial);
  expect(stateOf(new URLSearchParams("devices=2"), 1).devices).toBe(1);
});
