/** The losses of the museum: how each differs from the right one. */
import { describe, expect, it } from "vitest";
import { LOSSES } from "../../../page/faults/losses.ts";
import { FAULT_NAMES, type LossName } from "../../../page/faults/state.ts";
import { backward, parameter } from "../../../src/autograd/index.ts";
import { sigmoidLoss, softmaxLoss } from "../../../src/siglip/index.ts";
import { full, generate, l2Normalize, Rng } from "../../../src/tensor/index.ts";
import { referenceSigmoidLoss } from "../../support/referenceLoss.ts";

const [N, D] = [16, 4];
const LOGITS = { tPrime: Math.log(5), b: -2 };

function batch() {
  const rows = (name: string) => {
    const rng = new Rng(3).split(name);
    return parameter(
      l2Normalize(
        generate([N, D], () => rng.normal(), "f64"),
        1e-8,
      ).value,
    );
  };
  const scalar = (value: number) => parameter(full([], value, "f64"));
  return { x: rows("x"), y: rows("y"), tPrime: scalar(LOGITS.tPrime), b: scalar(LOGITS.b) };
}

/** A loss with its gradients. */
function run(name: LossName) {
  const inputs = batch();
  const loss = LOSSES[name](inputs);
  const value = loss.value.item();
  backward(loss);
  const of = (key: keyof typeof inputs): number[] => [...(inputs[key].grad?.data ?? [])];
  return { value, x: of("x"), y: of("y"), tPrime: of("tPrime"), b: of("b") };
}

const right = run("right");
const near = (found: readonly number[], expected: ArrayLike<number>): void =>
  found.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i], 10);
  });
/** Pairs (i, j) of which the formula counts some, with labels. */
function formula(counts: (i: number, j: number) => boolean, z = (i: number, j: number) => (i === j ? 1 : -1)): number {
  const { x, y } = batch();
  let sum = 0;
  for (let i = 0; i < N; i++)
    for (let j = 0; j < N; j++) {
      if (!counts(i, j)) continue;
      let s = 0;
      for (let k = 0; k < D; k++) s += x.value.data[i * D + k] * y.value.data[j * D + k];
      sum += Math.log1p(Math.exp(-z(i, j) * (5 * s + LOGITS.b)));
    }
  return sum / N;
}

describe("the losses of the museum", () => {
  it("begin with the right one, which is the formula with its gradients", () => {
    const { x, y } = batch();
    const expected = referenceSigmoidLoss({ n: N, d: D, x: x.value.data as Float64Array, y: y.value.data as Float64Array, ...LOGITS }); // biome-ignore format: a line
    expect(right.value).toBeCloseTo(expected.loss, 10);
    near(right.x, expected.dX);
    near(right.y, expected.dY);
    near([...right.tPrime, ...right.b], [expected.dTPrime, expected.dB]);
  });
  it("differ from it in value or gradients, all eight", () => {
    for (const name of FAULT_NAMES.filter((each) => each !== "biasZero")) expect(run(name), name).not.toEqual(right);
  });
  it("÷ n² has a value and gradients n times as small", () => {
    const { value, x, b } = run("nSquared");
    expect(value).toBeCloseTo(right.value / N, 12);
    near(
      [...x, ...b],
      [...right.x, ...right.b].map((g) => g / N),
    );
  });
  it("without a bias it is the right one at b = 0, and b gets no gradient", () => {
    const inputs = { ...batch(), b: parameter(full([], 0, "f64")) };
    const { value, b } = run("noBias");
    expect(value).toBeCloseTo(sigmoidLoss(inputs.x, inputs.y, inputs.tPrime, inputs.b).value.item(), 12);
    expect(b).toEqual([]);
  });
  it("of local negatives counts the pairs of one device alone", () => {
    expect(run("localNegatives").value).toBeCloseTo(
      formula((i, j) => i >> 1 === j >> 1),
      10,
    );
  });
  it("of the wrong sign asks for the reverse", () => {
    expect(run("labelSign").value).toBeCloseTo(formula(() => true, (i, j) => (i === j ? -1 : 1)), 10); // biome-ignore format: a line
  });
  it("with a raw t is the right one at t′ = log of it", () => {
    const inputs = { ...batch(), tPrime: parameter(full([], Math.log(LOGITS.tPrime), "f64")) };
    expect(run("rawT").value).toBeCloseTo(LOSSES.right(inputs).value.item(), 12);
  });
  it("of detached texts has the value of the right one and its gradients of pictures, t′ and b, but not of texts", () => {
    const { value, x, y, tPrime, b } = run("detachedTexts");
    expect(value).toBeCloseTo(right.value, 12);
    near([...x, ...tPrime, ...b], [...right.x, ...right.tPrime, ...right.b]);
    expect(Math.max(...y.map((g, k) => Math.abs(g - right.y[k])))).toBeGreaterThan(1e-3);
  });
  it("end with softmax, which is that of the library", () => {
    const { x, y, tPrime } = batch();
    expect(run("softmax").value).toBe(softmaxLoss(x, y, tPrime).value.item());
  });
});
