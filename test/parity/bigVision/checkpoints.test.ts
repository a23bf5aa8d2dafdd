/** Checkpoints of big_vision in each of its layouts, old ones included. */
import { describe, expect, it } from "vitest";
import { noGrad } from "../../../src/autograd/index.ts";
import { loadModel, loadTower } from "../../../src/models/index.ts";
import { parametersOf } from "../../../src/nn/index.ts";
import { type BigVisionSizes, bigVisionModel } from "../../support/bigVisionNames.ts";
import { DTYPES, Goldens, goldenJson } from "../../support/goldens.ts";
import { released } from "../../support/released.ts";
import { expectAsBigVision, type Measured } from "./measured.ts";

const goldens = new Goldens("big_vision/ckpt");
const about = goldenJson<{
  files: Record<string, string>;
  equal_to_plain: string[];
  each: Record<string, { f32_minus_f64: Measured }>;
}>("big_vision/ckpt");

describe.each(DTYPES)("in %s, big_vision's embeddings follow from its checkpoint", (dtype) => {
  it.each(Object.keys(about.files))("%s", (layout) => {
    const options = layout === "other_grid" ? { dtype, imageSize: 8 } : { dtype };
    const { model, nonFinite } = loadModel(released(`big_vision/ckpt_${layout}.npz`), options);
    expect(nonFinite).toBe(0);
    const name = about.equal_to_plain.includes(layout) ? "plain" : layout;
    const { f32_minus_f64: measured } = about.each[`ckpt_${layout}.npz`];
    noGrad(() => {
      const zimg = model.embedImages(goldens.tensor("in.image", dtype));
      const ztxt = model.embedTexts(goldens.ints("in.text"));
      expectAsBigVision(zimg.value, goldens.get(`${name}.f64.zimg`), dtype, "zimg", { f64: 1e-12, measured });
      expectAsBigVision(ztxt.value, goldens.get(`${name}.f64.ztxt`), dtype, "ztxt", { f64: 1e-12, measured });
    });
    const [t] = goldens.floats(`${name}.f64.t`); // exp(t′)
    expect(Math.abs(Math.exp(model.tPrime.value.item()) - t)).toBeLessThanOrEqual(1e-6 * t);
    expect(model.b.value.item()).toBe(goldens.floats(`${name}.f64.b`)[0]);
  });
});

const bits = (module: object) => [...parametersOf(module)].map(([path, { value }]) => [path, [...value.data]] as const);

it("the checkpoint of `towers` has the parameters whose outputs and gradients other tests compare", () => {
  const towers = new Goldens("big_vision/towers");
  const { model: sizes } = goldenJson<{ model: BigVisionSizes }>("big_vision/towers");
  const parameters = new Map(towers.names("param.").map((name) => [name, towers.get(`param.${name}`)] as const));
  const { model } = loadModel(released("big_vision/towers_params.npz"));
  expect(bits(model)).toEqual(bits(bigVisionModel(sizes, parameters, "f32")));
});

it.each(["plain", "scan_both", "legacy", "prefixed"])(
  "a tower read alone has the bits of the whole model: %s",
  (layout) => {
    const path = released(`big_vision/ckpt_${layout}.npz`);
    const { model } = loadModel(path);
    expect(bits(loadTower(path, "image").tower)).toEqual(bits(model.image));
    expect(bits(loadTower(path, "text").tower)).toEqual(bits(model.text));
  },
);
