import { expect, it } from "vitest";
import {
  FAULT_NAMES,
  isFinished,
  type LossName,
  noProgress,
  parametersOf,
  receive,
  STEPS,
  stateOf,
} from "../../../page/faults/state.ts";
import { FaultTraining } from "../../../page/faults/training.ts";
import { readAtlas } from "../atlas.ts"; // biome-ignore format: a line each

it("an address gives the state that wrote it, for every fault", () => {
  expect(FAULT_NAMES.length).toBe(8);
  for (const fault of FAULT_NAMES) {
    const state = { fault, seed: 3 };
    const address = new URLSearchParams(
      Object.entries(parametersOf(state)).map(([key, value]) => [key, String(value)]),
    );
    expect(stateOf(address)).toEqual(state);
  }
  expect(stateOf(new URLSearchParams("fault=none&seed=-1"))).toEqual({ fault: "nSquared", seed: 0 });
});

it("a training is finished when its last recall has come", () => {
  const progress = noProgress();
  receive(progress, { kind: "step", step: STEPS, loss: 1, t: 10, b: -4 });
  expect(isFinished(progress)).toBe(false);
  receive(progress, { kind: "recall", step: STEPS, recall: 0.25 });
  expect(isFinished(progress)).toBe(true);
  expect(progress).toMatchObject({ losses: [[STEPS, 1]], recalls: [[STEPS, 25]], t: 10, b: -4 });
});

it("trainings of one seed take the same first step: detached texts have the right loss, and b stands where the fault puts it", async () => {
  const atlas = await readAtlas();
  const first = (loss: LossName, seed = 0) => new FaultTraining(atlas, loss, seed).advance();
  const right = first("right");
  expect(right).toEqual(first("right"));
  expect(right.loss).not.toBe(first("right", 1).loss);
  expect(first("detachedTexts").loss).toBeCloseTo(right.loss, 5);
  expect(first("nSquared").loss).toBeCloseTo(right.loss / 64, 5);
  expect(right.b).toBeCloseTo(-Math.log(63), 5);
  expect([first("biasZero").b, first("noBias").b]).toEqual([0, Number.NaN]);
  expect(first("biasZero").loss).toBeCloseTo(first("noBias").loss, 5);
  expect([right.t, first("rawT").t].map((t) => t.toFixed(4))).toEqual(["10.0000", "2.3026"]);
});
