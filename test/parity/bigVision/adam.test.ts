/** Ten training steps against big_vision's trainer: Adam, decay of kernels alone, clipping, cosine schedule. */
import { describe, expect, it } from "vitest";
import type { Variable } from "../../../src/autograd/index.ts";
import { AdamW, parametersOf } from "../../../src/nn/index.ts";
import { trainingLosses, trainStep } from "../../../src/siglip/index.ts";
import { type BigVisionSizes, bigVisionModel, partOf, placeOf } from "../../support/bigVisionNames.ts";
import { DTYPES, expectClose, Goldens, goldenJson } from "../../support/goldens.ts";

const start = new Goldens("big_vision/optim");
const { model: sizes } = goldenJson<{ model: BigVisionSizes }>("big_vision/optim");
const goldens = new Goldens("big_vision/optim_adam");
const about = goldenJson<{
  config: { optax: { b2: number }; lr: number; wd: number; grad_clip_norm: number };
  left_out: { parameters: string[] };
}>("big_vision/optim_adam");
const parameters = new Map(start.names("param.").map((name) => [name, start.get(`param.${name}`)] as const));

/** f64: 1e-9; f32: 5e-6 absolute for parameters, as the file says, and as much of the largest for the logs. */
const TOLERANCE = { f64: 1e-9, f32: 5e-6 };

describe.each(DTYPES)("in %s, ten steps", (dtype) => {
  it("lead to big_vision's parameters, by its losses and gradient norms", () => {
    const model = bigVisionModel(sizes, parameters, dtype);
    const ours = parametersOf(model);
    const { lr, wd, grad_clip_norm, optax } = about.config;
    const optimizer = new AdamW(ours, { lr, weightDecay: wd, clipNorm: grad_clip_norm, beta1: 0.9, beta2: optax.b2 });
    const schedule = goldens.get("schedules").data; // as big_vision rounds them, to float32
    const losses: number[] = [];
    const norms: number[] = [];

    const check = (prefix: string, f64: number): void => {
      const names = goldens.names(prefix);
      expect(names.length).toBe(parameters.size - about.left_out.parameters.length);
      for (const name of names) {
        const golden = goldens.get(`${prefix}${name}`);
        const actual = partOf((ours.get(placeOf(name).path) as Variable).value, name, golden.shape);
        if (dtype === "f64") expectClose(actual, golden, { tolerance: f64 });
        else {
          golden.data.forEach((value, i) => {
            const off = Math.abs(actual.data[i] - value);
            if (!(off <= TOLERANCE.f32 + 2 ** -24 * Math.abs(value))) {
              expect.fail(`${golden.name}, element ${i}: ${actual.data[i]} instead of ${value}`);
            }
          });
        }
      }
    };

    for (let i = 0; i < 10; i++) {
      const [height, width] = sizes.image;
      const pixels = Float32Array.from(start.get(`in.image.${i}`).data);
      const imageShape = [sizes.batch, height, width, 3];
      const batch = { pixels, imageShape, tokens: start.ints(`in.text.${i}`) };
      const { loss, gradNorm } = trainStep({ model, optimizer, loss: trainingLosses.sigmoid }, batch, schedule[i]);
      losses.push(loss);
      norms.push(gradNorm);
      if (i === 1) check("step2.mid.", 2e-7); // rounded to float32; step 1 has factor 0
    }
    check("step10.f64.", TOLERANCE.f64);
    const log = (name: string, values: readonly number[]): void => {
      const golden = goldens.get(`f64.${name}`);
      values.forEach((value, i) => {
        const one = { name: `${golden.name}, step ${i + 1}`, shape: [], data: golden.data.slice(i, i + 1) };
        expectClose(value, one, { tolerance: TOLERANCE[dtype] });
      });
    };
    log("training_loss", losses);
    log("l2_grads", norms);
  });
});
