/** A model of Hugging Face, loaded from its folder: outputs, loss and the gradient of every tensor. */
import { describe, expect, it } from "vitest";
import { backward, l2Normalize, noGrad } from "../../../src/autograd/index.ts";
import { huggingFace } from "../../../src/models/huggingFace.ts";
import { loadModel, loadTower } from "../../../src/models/index.ts";
import { parametersOf } from "../../../src/nn/index.ts";
import { type DType, permute, type Tensor, transpose } from "../../../src/tensor/index.ts";
import { DTYPES, expectClose, Goldens, goldenJson } from "../../support/goldens.ts";
import { forwardPairs, gradientsIn, released } from "../../support/released.ts";

const goldens = new Goldens("hf/model");
const { f32_minus_f64: measured } = goldenJson<{ f32_minus_f64: Record<string, { rel_to_max: number }> }>("hf/model");

const pixels = (name: string, dtype: DType): Tensor => permute(goldens.tensor(name, dtype), [0, 2, 3, 1]);

function compare(actual: Tensor, name: string, dtype: DType, scale = 0): void {
  const tolerance = dtype === "f64" ? 1e-11 : Math.max(8 * (measured[name]?.rel_to_max ?? 0), 2e-6);
  expectClose(actual, goldens.get(name), { tolerance, scale });
}

const largest = (name: string): number => Math.max(...Array.from(goldens.get(name).data, Math.abs));

describe.each(DTYPES)("in %s, Hugging Face's model gives its", (dtype) => {
  const load = (folder: string) => loadModel(released(folder), { dtype }).model;

  it("hidden states, embeddings, logits, loss and gradients", () => {
    const model = load("hf/tiny");
    const run = forwardPairs(model, pixels("in.pixel_values", dtype), goldens.ints("in.input_ids"));
    compare(run.tapped("image/encoded"), "out.vision_last_hidden_state", dtype);
    compare(run.tapped("text/encoded"), "out.text_last_hidden_state", dtype);
    compare(run.rawImage.value, "out.vision_pooler_output", dtype);
    compare(run.rawText.value, "out.text_pooler_output", dtype);
    compare(run.zimg.value, "out.image_embeds", dtype);
    compare(run.ztxt.value, "out.text_embeds", dtype);
    compare(run.logits.value, "out.logits_per_image", dtype);
    compare(transpose(run.logits.value), "out.logits_per_text", dtype);
    compare(run.loss.value, "out.loss", dtype);
    backward(run.loss);
    const gradients = gradientsIn(huggingFace, model);
    const names = goldens.names("grad.");
    expect([...gradients.keys()].sort()).toEqual(names.sort());
    for (const name of names) {
      // A key bias has no gradient but for rounding; that of the query bias gives the scale.
      const scale = name.endsWith("k_proj.bias") ? largest(`grad.${name.replace("k_proj", "q_proj")}`) : 0;
      compare(gradients.get(name) as Tensor, `grad.${name}`, dtype, scale);
    }
  });

  it("outputs from weights in bfloat16", () => {
    const run = forwardPairs(load("hf/tiny_bf16"), pixels("in.pixel_values", dtype), goldens.ints("in.input_ids"));
    compare(run.zimg.value, "bf16.out.image_embeds", dtype);
    compare(run.ztxt.value, "bf16.out.text_embeds", dtype);
    compare(run.logits.value, "bf16.out.logits_per_image", dtype);
  });

  it.each([
    [48, 48],
    [16, 64],
    [37, 37],
  ] as const)("embeddings of images of %i by %i pixels, with its positions resampled", (height, width) => {
    const { tower } = loadTower(released("hf/tiny"), "image", { dtype, imageSize: [height, width] });
    const size = `${height}x${width}`;
    noGrad(() => {
      const pooled = tower.forward(pixels(`${size}.in.pixel_values`, dtype));
      compare(pooled.value, `${size}.out.vision_pooler_output`, dtype);
      compare(l2Normalize(pooled, 0).value, `${size}.out.image_embeds`, dtype);
    });
  });
});

it("shards and defaults left out of config.json change no bit", () => {
  const [whole, sharded] = ["hf/tiny", "hf/tiny_sharded"].map((folder) => loadModel(released(folder)));
  expect(sharded.config).toEqual(whole.config);
  const values = (loaded: typeof whole) =>
    [...parametersOf(loaded.model)].map(([path, { value }]) => [path, [...value.data]]);
  expect(values(sharded)).toEqual(values(whole));
});
