/** The losses against big_vision, on given unit embeddings: value and the gradients of zimg, ztxt, t′ and b; of classes the value. */
import { describe, expect, it } from "vitest";
import { backward, parameter } from "../../../src/autograd/index.ts";
import { alone } from "../../../src/parallel/index.ts";
import { classLoss, sigmoidLoss, softmaxLoss } from "../../../src/siglip/index.ts";
import { add, exp, matmul, mul, type Tensor } from "../../../src/tensor/index.ts";
import { fusedSoftmax } from "../../support/fusedSoftmax.ts";
import { DTYPES, Goldens, goldenJson } from "../../support/goldens.ts";
import { cancelling, expectAsBigVision, type Measured } from "./measured.ts";

const goldens = new Goldens("big_vision/losses");
const { cases } = goldenJson<{
  cases: Record<string, { loss: Record<string, number>; settings: { t: number; b: number }; f32_minus_f64: Measured }>;
}>("big_vision/losses");

/** Masked softmax leaves rows out; the losses here take whole batches. */
const NOT_OFFERED = ["softmax_masked"];

const FORMS = ["sigmoid", "softmax", "fused softmax"] as const;

describe.each(DTYPES)("in %s, loss and gradients are those of big_vision:", (dtype) => {
  const rows = Object.keys(cases).flatMap((name) => FORMS.map((form) => [name, form] as const));
  it.each(rows)("%s, %s", (name, form) => {
    const loss = form === "sigmoid" ? "sigmoid" : "softmax";
    const leaf = (part: string, shape?: readonly number[]) =>
      parameter(goldens.tensor(`${name}.in.${part}`, dtype, shape));
    const [zimg, ztxt, t, b] = [leaf("zimg"), leaf("ztxt"), leaf("t", []), leaf("b", [])];
    const value =
      form === "sigmoid"
        ? sigmoidLoss(zimg, ztxt, t, b)
        : form === "softmax"
          ? softmaxLoss(zimg, ztxt, t)
          : fusedSoftmax(zimg, ztxt, t);
    backward(value);
    const { settings, f32_minus_f64: measured } = cases[name];
    // Softmax: log-sum-exp minus logit, both of size t, is near 0 where the matching pair stands out.
    const softmaxScale = loss === "softmax" ? Math.exp(settings.t) : 0;
    const terms = cancelling(zimg.value, ztxt.value, settings.t, settings.b);
    const check = (part: string, actual: Tensor | undefined, scale = softmaxScale): void => {
      const golden = goldens.get(`${name}.f64.${loss}.${part}`);
      expectAsBigVision(actual as Tensor, golden, dtype, `${loss}.${part}`, { f64: 1e-12, measured, scale });
    };
    check("loss", value.value);
    check("grad.zimg", zimg.grad);
    check("grad.ztxt", ztxt.grad);
    check("grad.t", t.grad, loss === "sigmoid" ? terms.t : softmaxScale);
    if (loss === "sigmoid") check("grad.b", b.grad, terms.b);
  });
});

describe.each(DTYPES)("in %s, the loss of classes is big_vision's sigmoid_xent:", (dtype) => {
  it.each(Object.keys(cases))("%s", (name) => {
    const input = (part: string, shape?: readonly number[]) => goldens.tensor(`${name}.in.${part}`, dtype, shape);
    const similarities = matmul(input("zimg"), input("ztxt"), { transposeB: true });
    const logits = add(mul(similarities, exp(input("t", []))), input("b", []));
    const labels = Int32Array.from({ length: logits.shape[0] }, (_, i) => i); // image i is of class i
    const { loss } = classLoss(logits, labels, { comm: alone, shards: 1 });
    expectAsBigVision(loss, goldens.get(`${name}.f64.sigmoid_xent.loss`), dtype, "sigmoid_xent.loss", {
      f64: 1e-12,
      measured: cases[name].f32_minus_f64,
    });
  });
});

it("every loss is offered, or left out by name", () => {
  for (const { loss } of Object.values(cases)) {
    expect(Object.keys(loss).sort()).toEqual(["sigmoid", "sigmoid_xent", "softmax", ...NOT_OFFERED].sort());
  }
});
