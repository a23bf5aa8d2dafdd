import { expect, it } from "vitest";
import { pairOf, parametersOf, stateOf } from "../../../page/pair/state.ts";
import { backward, parameter } from "../../../src/autograd/index.ts";
import { sigmoidLoss } from "../../../src/siglip/index.ts";
import { full, tensor } from "../../../src/tensor/index.ts";

/** The dense form in f64, for one image and the text at an angle. */
function dense(angle: number, t: number, b: number): { loss: number; db: number } {
  const radians = (angle * Math.PI) / 180;
  const [x, y] = [
    [1, 0],
    [Math.cos(radians), Math.sin(radians)],
  ].map((row) => parameter(tensor(row, [1, 2], "f64")));
  const [tPrime, bias] = [Math.log(t), b].map((value) => parameter(full([], value, "f64")));
  const loss = sigmoidLoss(x, y, tPrime, bias);
  const value = loss.value.item();
  backward(loss);
  return { loss: value, db: bias.grad?.item() ?? Number.NaN };
}

it("a matching pair has the loss and the gradient of the dense form", () => {
  for (const [angle, t, b] of [
    [0, 10, -10],
    [60, 10, -10],
    [180, 100, -20],
    [37, 3, 5],
  ]) {
    const pair = pairOf({ angle, t, b, matches: true });
    const { loss, db } = dense(angle, t, b);
    expect(pair.loss).toBeCloseTo(loss, 10);
    expect(pair.gradient).toBeCloseTo(db, 10); // ∂L/∂b of a single pair is its G
  }
});

it("an address gives the state that wrote it", () => {
  const state = { angle: 37, t: 12, b: -3.5, matches: false };
  const address = new URLSearchParams(Object.entries(parametersOf(state)).map(([key, value]) => [key, String(value)]));
  expect(stateOf(address)).toEqual(state);
});

it("what an address says in vain gives the initial state", () => {
  const initial = stateOf(new URLSearchParams());
  expect(stateOf(new URLSearchParams("angle=900&t=&b=NaN&label=7"))).toEqual(initial);
  expect(pairOf(initial).similarity).toBeCloseTo(0.5, 12);
});
