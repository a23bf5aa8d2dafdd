/**
 * The losses on 1 to 8 devices against open_clip on as many ranks (torch.distributed, gloo).
 *
 * open_clip divides by the rank's own pairs and takes the mean over ranks: its loss and the gradients of t′ and b of rank r
 * are `size` times our share of that rank, and its gradients of the embeddings `size` times ours.
 */
import { describe, expect, it } from "vitest";
import { tensor } from "../../../src/tensor/index.ts";
import { DTYPES, expectClose, type Golden } from "../../support/goldens.ts";
import type { Pairs } from "../../support/referenceLoss.ts";
import { type Form, join, lockstepParts } from "../../support/shares.ts";
import { type TorchCase, torchCases } from "./cases.ts";

const cases = torchCases("distributed");
const isSigmoid = ({ name }: TorchCase): boolean => name.includes("siglip");
const FORMS = { sigmoid: ["chunked", "fused"], softmax: ["softmax", "softmaxDense"] } as const satisfies Record<
  string,
  Form[]
>;

function pairsOf(at: TorchCase): Pairs {
  const { shape } = at.get("in.x");
  const values = (part: string) => Float64Array.from(at.get(part).data);
  const b = isSigmoid(at) ? values("in.b")[0] : 0;
  return { n: shape[0], d: shape[1], x: values("in.x"), y: values("in.y"), tPrime: values("in.t")[0], b };
}

/** A golden times a number. */
const times = (golden: Golden, factor: number): Golden => ({
  ...golden,
  name: `${golden.name} · ${factor}`,
  data: Float64Array.from(golden.data, (value) => value * factor),
});
const meanOf = (golden: Golden): Golden => ({
  ...golden,
  name: `mean of ${golden.name}`,
  shape: [],
  data: Float64Array.of(Array.from(golden.data).reduce((sum, value) => sum + value, 0) / golden.data.length),
});
const entry = (golden: Golden, rank: number): Golden => ({
  ...golden,
  name: `${golden.name}[${rank}]`,
  shape: [],
  data: Float64Array.of(golden.data[rank]),
});

describe.each(DTYPES)("in %s, on as many devices, loss and gradients are those of open_clip:", (dtype) => {
  const rows = cases.flatMap((at) =>
    FORMS[isSigmoid(at) ? "sigmoid" : "softmax"].map((form) => [at.name, form, at] as const),
  );
  it.each(rows)("%s, %s", (_, form, at) => {
    const size = at.settings.config.world;
    const pairs = pairsOf(at);
    const parts = lockstepParts({ form, dtype, pairs, shards: size }, size);
    const whole = join(form, parts);
    const close = (actual: ArrayLike<number>, golden: Golden, part: string, scale = 0): void => {
      const allowed = at.closeness(part, dtype);
      const found = tensor(actual, golden.shape, "f64");
      expectClose(found, golden, { ...allowed, scale: Math.max(allowed.scale ?? 0, scale) });
    };
    const t = Math.exp(pairs.tPrime);
    close([whole.loss], meanOf(at.get("out.loss")), "out.loss");
    close([whole.loss], at.get("dense.loss"), "dense.loss");
    close(whole.dX, times(at.get("grad.x"), 1 / size), "grad.x");
    close(whole.dY, times(at.get("grad.y"), 1 / size), "grad.y");
    close([whole.dTPrime], meanOf(at.get("grad.t")), "grad.t", t); // a sum of terms of either sign, of size t
    if (isSigmoid(at)) close([whole.dB], meanOf(at.get("grad.b")), "grad.b", 1);
    if (form === "chunked") {
      parts.forEach((part, rank) => {
        close([part.loss * size], entry(at.get("out.loss"), rank), "out.loss");
        close([part.dTPrime * size], entry(at.get("grad.t"), rank), "grad.t", t);
        close([part.dB * size], entry(at.get("grad.b"), rank), "grad.b", 1);
      });
    }
  });
});

it("1, 2, 3, 4, 5 and 8 ranks with four ways to exchange, and the softmax loss with gradients through the gather", () => {
  const worlds = (name: string) => cases.filter((at) => at.name.endsWith(name)).map((at) => at.settings.config.world);
  for (const way of ["bidir", "shift", "reduce", "gather"]) expect(worlds(`siglip_${way}`)).toEqual([1, 2, 3, 4, 5, 8]);
  for (const way of ["local0_grad1", "local1_grad1"]) expect(worlds(`clip_${way}`)).toEqual([1, 2, 3, 4, 5, 8]);
});
