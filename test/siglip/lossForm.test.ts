/** What a form says about its loss, compared with what it computes. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alone } from "../../src/parallel/index.ts";
import { type LossForm, lossForms } from "../../src/siglip/index.ts";
import { scope, tensor } from "../../src/tensor/index.ts";

const forms: LossForm[] = Object.values(lossForms);
const sizes = fc.integer({ min: 1, max: 40 });
const logits = fc.double({ min: -20, max: 20, noNaN: true });

/** The loss of n pairs that all have the same logit, and its gradient by b. */
function blind(form: LossForm, n: number, logit: number): { loss: number; db: number } {
  const rows = () => tensor(new Float64Array(n).fill(1), [n, 1], "f64"); // all scores are 1
  return scope(() => {
    const { loss, db } = form.gradients({
      zimg: rows(),
      ztxt: rows(),
      tPrime: 0,
      b: logit - 1,
      comm: alone,
      shards: 1,
    });
    return { loss, db };
  });
}

describe.each(forms.map((form) => [form.name, form] as const))("the form %s", (_, form) => {
  it("has its least loss for the same logit everywhere at blindLoss", () => {
    fc.assert(
      fc.property(sizes, logits, (n, logit) => {
        const { loss } = blind(form, n, logit);
        expect(loss).toBeGreaterThanOrEqual(form.blindLoss(n) - 1e-6);
        if (n > 1) expect(blind(form, n, -Math.log(n - 1)).loss).toBeCloseTo(form.blindLoss(n), 5);
      }),
    );
  });

  it("has a gradient by b if and only if it uses the bias: n·probability − 1 for the same logit everywhere", () => {
    fc.assert(
      fc.property(sizes, logits, (n, logit) => {
        const { db } = blind(form, n, logit);
        expect(db).toBeCloseTo(form.usesBias ? n * (form.probability?.(logit) ?? Number.NaN) - 1 : 0, 5);
      }),
    );
  });
});

it("gives no probability for a loss that only compares pairs", () => {
  expect(lossForms.softmax.blindLoss(128)).toBeCloseTo(4.852, 3);
  expect(forms.filter(({ probability }) => probability === undefined)).toEqual([
    lossForms.softmax,
    lossForms.softmaxDense,
  ]);
});
