import { expect, it } from "vitest";
import { sigmoidSquare } from "../../../page/pairMath.ts";
import { blindLoss, parametersOf, QUESTIONS, squareOf, stateOf } from "../../../page/square/state.ts";
import { lossForms } from "../../../src/siglip/index.ts";

it("a batch whose logits are all b has the loss that the page reveals", () => {
  for (const b of [-10, -4.84, 0, 3]) {
    const n = 24;
    const all = sigmoidSquare(
      new Float64Array(n * n),
      Array.from({ length: n }, (_, i) => i),
      10,
      b,
    );
    expect(blindLoss(n, b)).toBeCloseTo(all.loss, 10);
  }
});

it("128 pairs start at 88.7, 10.0 and 5.85, the last the lowest of a model that tells no pairs apart", () => {
  expect(QUESTIONS.map(({ b }) => blindLoss(128, b).toPrecision(3))).toEqual(["88.7", "10.0", "5.85"]);
  expect(blindLoss(128, QUESTIONS[2].b)).toBeCloseTo(lossForms.dense.blindLoss(128), 10);
});

it("an address gives the state that wrote it, and the cells of its batch", () => {
  const state = { stage: 1, t: 20, b: -3.5, view: "gradient", row: 3, column: 4 } as const;
  const address = new URLSearchParams(Object.entries(parametersOf(state)).map(([key, value]) => [key, String(value)]));
  expect(stateOf(address)).toEqual(state);
  expect(squareOf(state).labels.filter((label) => label === 1).length).toBe(16);
});
