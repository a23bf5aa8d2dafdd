/** The gradient of every parameter through both towers and either loss, against big_vision. */
import { describe, expect, it } from "vitest";
import { backward, type Variable } from "../../../src/autograd/index.ts";
import { parametersOf } from "../../../src/nn/index.ts";
import { sigmoidLoss, softmaxLoss } from "../../../src/siglip/index.ts";
import type { Tensor } from "../../../src/tensor/index.ts";
import { type BigVisionSizes, bigVisionModel, partOf, placeOf } from "../../support/bigVisionNames.ts";
import { fusedSoftmax } from "../../support/fusedSoftmax.ts";
import { DTYPES, expectClose, Goldens, goldenJson } from "../../support/goldens.ts";
import { cancelling, expectAsBigVision, type Measured } from "./measured.ts";

const towers = new Goldens("big_vision/towers");
const { model: sizes } = goldenJson<{ model: BigVisionSizes }>("big_vision/towers");
const goldens = new Goldens("big_vision/model_grads");
const { points } = goldenJson<{
  points: Record<string, { t: number; b: number; f32_minus_f64: { each: Measured } }>;
}>("big_vision/model_grads");
const parameters = new Map(towers.names("param.").map((name) => [name, towers.get(`param.${name}`)] as const));

/** softmax.init differs from softmax.log_odds by t alone and has no tensors. */
const STORED = ["sigmoid.init", "sigmoid.log_odds", "softmax.log_odds"];

const RUNS = [...STORED.map((point) => [point, "dense"] as const), ["softmax.log_odds", "fused"] as const];

/** A key bias moves every score of a query alike: its gradient is 0 but for rounding, of terms of the size of 1. */
const isKeyBias = (name: string): boolean => name.endsWith("/key/bias");

describe.each(DTYPES)("in %s, loss and all gradients are those of big_vision:", (dtype) => {
  it.each(RUNS)("%s, %s", (point, form) => {
    const model = bigVisionModel(sizes, parameters, dtype);
    const { t, b, f32_minus_f64 } = points[point];
    model.tPrime.value.data[0] = Math.fround(t);
    model.b.value.data[0] = Math.fround(b);
    const zimg = model.embedImages(towers.tensor("in.image", dtype));
    const ztxt = model.embedTexts(towers.ints("in.text"));
    const name = point.startsWith("sigmoid") ? "sigmoid" : "softmax";
    const softmax = form === "fused" ? fusedSoftmax : softmaxLoss;
    const loss =
      name === "sigmoid" ? sigmoidLoss(zimg, ztxt, model.tPrime, model.b) : softmax(zimg, ztxt, model.tPrime);
    const measured = f32_minus_f64.each;
    expectAsBigVision(loss.value, goldens.get(`${point}.f64.loss`), dtype, "loss", { f64: 1e-11, measured });
    const terms: Record<string, number> = { ...cancelling(zimg.value, ztxt.value, Math.fround(t), Math.fround(b)) };
    backward(loss);

    const ours = parametersOf(model);
    const names = new Set<string>();
    for (const [run, f64] of [
      ["f64", 1e-11],
      ["mid", 2e-7],
    ] as const) {
      for (const theirs of goldens.names(`${point}.${run}.grad.`)) {
        names.add(theirs);
        const golden = goldens.get(`${point}.${run}.grad.${theirs}`);
        const gradient = (ours.get(placeOf(theirs).path) as Variable).grad as Tensor;
        const actual = partOf(gradient, theirs, golden.shape);
        if (isKeyBias(theirs)) expectClose(actual, golden, { tolerance: dtype === "f64" ? 1e-14 : 2e-6, scale: 1 });
        else expectAsBigVision(actual, golden, dtype, `grad.${theirs}`, { f64, measured, scale: terms[theirs] ?? 0 });
      }
    }
    expect(names.size).toBe(parameters.size - (name === "softmax" ? 1 : 0)); // softmax has no b
  });
});

it("every stored point is compared", () => {
  expect(Object.keys(points).filter((point) => goldens.has(`${point}.f64.loss`))).toEqual(STORED);
});
