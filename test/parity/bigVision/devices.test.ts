/** The losses on 1 to 4 devices against big_vision's pmap trainer: values, each device's own, and gradients. */
import { describe, expect, it } from "vitest";
import { tensor } from "../../../src/tensor/index.ts";
import { DTYPES, expectClose, Goldens, goldenJson } from "../../support/goldens.ts";
import type { Pairs } from "../../support/referenceLoss.ts";
import { join, lockstepParts } from "../../support/shares.ts";

const goldens = new Goldens("big_vision/devices");
const { settings, devices } = goldenJson<{
  settings: { devices: number[]; batch: number; dim: number; t: number; b: number };
  devices: Record<string, { f32_minus_f64: { rel_to_max: number } }>;
}>("big_vision/devices");

const values = (name: string) => Float64Array.from(goldens.get(name).data);
const pairs: Pairs = {
  n: settings.batch,
  d: settings.dim,
  x: values("in.zimg"),
  y: values("in.ztxt"),
  tPrime: values("in.t")[0],
  b: values("in.b")[0],
};

const FORMS = [
  ["chunked", "chunked_sigmoid"],
  ["chunked", "sigmoid"],
  ["fused", "chunked_sigmoid"],
  ["softmax", "softmax"],
  ["softmaxDense", "softmax"],
] as const;

describe.each(DTYPES)("in %s, loss and gradients on devices are those of big_vision:", (dtype) => {
  const rows = settings.devices.flatMap((size) =>
    FORMS.filter(([, loss]) => size > 1 || loss !== "sigmoid").map(([form, loss]) => [size, form, loss] as const),
  );
  it.each(rows)("%i devices, %s against %s", (size, form, loss) => {
    // Four times what big_vision's own 32-bit run loses, at least 2⁻²⁰.
    const measured = devices[`d${size}`].f32_minus_f64.rel_to_max;
    const tolerance = dtype === "f64" ? 1e-12 : Math.max(4 * measured, 2 ** -20);
    const golden = (part: string) => goldens.get(`d${size}.f64.${loss}.${part}`);
    const parts = lockstepParts({ form, dtype, pairs, shards: size }, size);
    const whole = join(form, parts);
    expectClose(whole.loss, golden("loss"), { tolerance });
    // A device's own loss is divided by its own pairs there.
    if (form === "chunked") {
      const own = tensor(parts.map((part) => part.loss * size), [size], "f64"); // biome-ignore format: a line
      expectClose(own, golden("local_loss"), { tolerance });
    }
    if (!goldens.has(`d${size}.f64.${loss}.grad.zimg`)) return; // only for the largest number of devices
    const shape = [pairs.n, pairs.d];
    expectClose(tensor(Array.from(whole.dX), shape, "f64"), golden("grad.zimg"), { tolerance });
    expectClose(tensor(Array.from(whole.dY), shape, "f64"), golden("grad.ztxt"), { tolerance });
    expectClose(whole.dTPrime, golden("grad.t"), { tolerance, scale: Math.exp(pairs.tPrime) });
    if (loss !== "softmax") expectClose(whole.dB, golden("grad.b"), { tolerance, scale: 1 });
  });
});

it("gradients are there for 4 devices", () => {
  expect(goldens.names("d4.f64.chunked_sigmoid.grad.").sort()).toEqual(["b", "t", "zimg", "ztxt"]);
});
