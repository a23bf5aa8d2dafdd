/**
 * A batch in parts against open_clip's accumulation: as many shards on fewer devices are one batch.
 *
 * `whole.*` is one backward pass of the batch, the truth. open_clip's own gradients of t′ and b come out K times too large;
 * `naive.*`, the mean of losses of micro-batches, is another loss.
 */
import { describe, expect, it } from "vitest";
import { tensor } from "../../../src/tensor/index.ts";
import { DTYPES, expectClose } from "../../support/goldens.ts";
import type { Pairs } from "../../support/referenceLoss.ts";
import { onDevices } from "../../support/shares.ts";
import { type TorchCase, torchCases } from "./cases.ts";

const cases = torchCases("accum");

function pairsOf(at: TorchCase): Pairs {
  const [n, d] = at.get("out.x").shape;
  const values = (part: string) => Float64Array.from(at.get(part).data);
  return { n, d, x: values("out.x"), y: values("out.y"), tPrime: values("in.t")[0], b: values("in.b")[0] };
}

describe.each(DTYPES)("in %s, a batch in K parts has the gradients of the whole:", (dtype) => {
  const rows = cases.flatMap((at) => (["chunked", "fused"] as const).map((form) => [at.name, form, at] as const));
  it.each(rows)("%s, %s", (_, form, at) => {
    const parts = at.settings.config.K;
    const pairs = pairsOf(at);
    for (const size of form === "chunked" ? [parts] : [1, parts]) {
      const actual = onDevices({ form, dtype, pairs, shards: parts }, size);
      const allowed = at.closeness("grad.x", dtype);
      expectClose(actual.loss, at.get("whole.loss"), allowed);
      expectClose(actual.dTPrime, at.get("whole.grad.t"), allowed);
      expectClose(actual.dB, at.get("whole.grad.b"), allowed);
      const rows = (values: ArrayLike<number>) => tensor(values, [pairs.n, pairs.d], "f64");
      expectClose(rows(actual.dX), at.get("whole.grad.x"), allowed);
      expectClose(rows(actual.dY), at.get("whole.grad.y"), allowed);
    }
  });
});

it.each(cases.filter((at) => at.settings.config.K > 1).map((at) => [at.name, at] as const))(
  "%s: neither K times the gradients of t′ and b, nor those of the mean of micro-batches",
  (_, at) => {
    const { K } = at.settings.config;
    const { dTPrime, dB } = onDevices({ form: "fused", dtype: "f64", pairs: pairsOf(at), shards: K }, K);
    const [t, b] = [at.get("grad.t").data[0], at.get("grad.b").data[0]];
    expect(t / dTPrime).toBeCloseTo(K, 9);
    expect(b / dB).toBeCloseTo(K, 9);
    expect(Math.abs(at.get("naive.grad.t").data[0] / dTPrime - 1)).toBeGreaterThan(0.1);
    expect(Math.abs(at.get("naive.grad.b").data[0] / dB - 1)).toBeGreaterThan(0.1);
  },
);

it("1, 2 and 4 parts", () => expect(cases.map((at) => at.settings.config.K)).toEqual([1, 2, 4]));
