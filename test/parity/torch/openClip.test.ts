/** Models of open_clip, loaded from their folders: outputs, loss and the gradient of every tensor; the same weights as npz. */
import { describe, expect, it } from "vitest";
import { backward } from "../../../src/autograd/index.ts";
import { loadModel } from "../../../src/models/index.ts";
import { openClip } from "../../../src/models/openClip.ts";
import { parametersOf } from "../../../src/nn/index.ts";
import { type DType, permute, type Tensor } from "../../../src/tensor/index.ts";
import { DTYPES, expectClose, Goldens, goldenJson } from "../../support/goldens.ts";
import { forwardPairs, gradientsIn, released } from "../../support/released.ts";

const VERSIONS = ["v1", "v2"] as const;

describe.each(DTYPES)("in %s, open_clip's model gives its outputs, loss and gradients:", (dtype: DType) => {
  it.each(VERSIONS)("%s", (version) => {
    const goldens = new Goldens(`torch/open_clip/${version}/golden`);
    const { tolerance } = goldenJson<{ tolerance: Record<DType, number> }>(`torch/open_clip/${version}/golden`);
    const compare = (actual: Tensor, name: string, scale = 0): void =>
      expectClose(actual, goldens.get(name), { tolerance: tolerance[dtype], scale });
    const { model } = loadModel(released(`torch/open_clip/${version}`), { dtype });
    const images = permute(goldens.tensor("in.image", dtype), [0, 2, 3, 1]);
    const run = forwardPairs(model, images, goldens.ints("in.text"));
    compare(run.tapped("image/encoded"), "out.encoded");
    compare(run.rawImage.value, "out.image_features_raw");
    compare(run.rawText.value, "out.text_features_raw");
    compare(run.zimg.value, "out.image_features");
    compare(run.ztxt.value, "out.text_features");
    compare(run.logits.value, "out.logits_per_image");
    compare(run.loss.value, "out.loss");
    backward(run.loss);
    const gradients = gradientsIn(openClip, model);
    const names = goldens.names("grad.").filter((name) => name !== "image");
    expect([...gradients.keys()].sort()).toEqual(names.sort());
    for (const name of names) compare(gradients.get(name) as Tensor, `grad.${name}`);
  });
});

it.each([
  ["v1", "big_vision.npz"],
  ["v2", "big_vision.npz"],
  ["v2", "big_vision_scan.npz"],
])("open_clip %s and %s hold the same bits", (version, npz) => {
  const values = (path: string) =>
    [...parametersOf(loadModel(released(`torch/open_clip/${version}${path}`)).model)].map(([path, { value }]) => [
      path,
      [...value.data],
    ]);
  expect(values(`/${npz}`)).toEqual(values(""));
});

it.each(VERSIONS)("positions of %s for larger images are resampled as timm does", (version) => {
  const resized = new Goldens(`torch/open_clip/${version}/resized`);
  const { config } = goldenJson<{ config: { new: number } }>(`torch/open_clip/${version}/resized`);
  const { model } = loadModel(released(`torch/open_clip/${version}`), { imageSize: config.new });
  expectClose(parametersOf(model.image).get("posEmbedding")!.value, resized.get("out.pos_embed"), { tolerance: 2e-6 });
});
