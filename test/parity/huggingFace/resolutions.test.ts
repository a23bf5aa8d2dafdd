/** The image tower on images of another size or shape than it was trained for, against Hugging Face's SigLIP. */
import { describe, expect, it } from "vitest";
import { l2Normalize, noGrad } from "../../../src/autograd/index.ts";
import { parametersOf, resamplePositions } from "../../../src/nn/index.ts";
import { gridOf, SigLip } from "../../../src/siglip/index.ts";
import { concat, type DType, permute, Rng, reshape, scope, type Tensor, transpose } from "../../../src/tensor/index.ts";
import { DTYPES, expectClose, Goldens, goldenJson } from "../../support/goldens.ts";

const goldens = new Goldens("hf/resolutions");
const { config, f32_minus_f64: measured } = goldenJson<{
  config: Record<
    "hidden_size" | "num_hidden_layers" | "num_attention_heads" | "intermediate_size" | "image_size" | "patch_size",
    number
  >;
  f32_minus_f64: Record<string, { rel_to_max: number }>;
}>("hf/resolutions");
const TRAINED = gridOf({ imageSize: config.image_size, patchSize: config.patch_size });
const SIZES: readonly (readonly [height: number, width: number])[] = [
  [48, 48],
  [16, 64],
  [37, 37],
];

/** Our parameters of the image tower from theirs: kernels are transposed, queries, keys and values stand side by side. */
function imageParameters(dtype: DType): Map<string, Tensor> {
  const of = (name: string): Tensor => goldens.tensor(`param.vision_model.${name}`, dtype);
  const out = new Map<string, Tensor>();
  const linear = (ours: string, theirs: string): void => {
    out.set(`${ours}/kernel`, transpose(of(`${theirs}.weight`)));
    out.set(`${ours}/bias`, of(`${theirs}.bias`));
  };
  const norm = (ours: string, theirs: string): void => {
    out.set(`${ours}/scale`, of(`${theirs}.weight`));
    out.set(`${ours}/bias`, of(`${theirs}.bias`));
  };
  const kernel = permute(of("embeddings.patch_embedding.weight"), [2, 3, 1, 0]); // [P, P, C, D]
  out.set("patchEmbed/embed/kernel", reshape(kernel, [-1, config.hidden_size]));
  out.set("patchEmbed/embed/bias", of("embeddings.patch_embedding.bias"));
  out.set("posEmbedding", of("embeddings.position_embedding.weight"));
  for (let i = 0; i < config.num_hidden_layers; i++) {
    const [ours, theirs] = [`encoder/blocks/${i}`, `encoder.layers.${i}`];
    norm(`${ours}/norm1`, `${theirs}.layer_norm1`);
    norm(`${ours}/norm2`, `${theirs}.layer_norm2`);
    const parts = ["q", "k", "v"].map((part) => `${theirs}.self_attn.${part}_proj`);
    const kernels = parts.map((part) => transpose(of(`${part}.weight`)));
    out.set(`${ours}/attention/qkv/kernel`, concat(kernels, 1));
    out.set(
      `${ours}/attention/qkv/bias`,
      concat(
        parts.map((part) => of(`${part}.bias`)),
        0,
      ),
    );
    linear(`${ours}/attention/out`, `${theirs}.self_attn.out_proj`);
    linear(`${ours}/mlp/dense1`, `${theirs}.mlp.fc1`);
    linear(`${ours}/mlp/dense2`, `${theirs}.mlp.fc2`);
  }
  norm("encoder/norm", "post_layernorm");
  out.set("mapHead/probe", of("head.probe"));
  const [weight, bias] = [of("head.attention.in_proj_weight"), of("head.attention.in_proj_bias")];
  const rows = (x: Tensor, from: number, to: number): Tensor => {
    const D = config.hidden_size;
    return x.view([(to - from) * D, ...x.shape.slice(1)], (from * D * x.size) / x.shape[0]);
  };
  for (const [ours, from, to] of [
    ["query", 0, 1],
    ["keyValue", 1, 3],
  ] as const) {
    out.set(`mapHead/${ours}/kernel`, transpose(rows(weight, from, to)));
    out.set(`mapHead/${ours}/bias`, rows(bias, from, to));
  }
  linear("mapHead/out", "head.attention.out_proj");
  norm("mapHead/norm", "head.layernorm");
  linear("mapHead/mlp/dense1", "head.mlp.fc1");
  linear("mapHead/mlp/dense2", "head.mlp.fc2");
  return out;
}

/** A model whose image tower is theirs for images of this size, with positions as they resample them. */
function modelFor(imageSize: readonly [number, number], dtype: DType): SigLip {
  const tower = { width: config.hidden_size, depth: config.num_hidden_layers, mlpDim: config.intermediate_size, numHeads: config.num_attention_heads }; // biome-ignore format: one tower
  const image = { ...tower, imageSize, patchSize: config.patch_size, pooling: "map", posEmb: "learn" } as const;
  const text = { ...tower, vocabSize: 2, length: 1, pooling: "last" } as const;
  const model = new SigLip(
    new Rng(0),
    { image, text, embedDim: tower.width, temperatureInit: 10, biasInit: -10 },
    dtype,
  );
  const parameters = parametersOf(model.image);
  const given = imageParameters(dtype);
  const positions = given.get("posEmbedding") as Tensor;
  const resampled = resamplePositions(positions, TRAINED, gridOf(image), { rule: "bicubic" });
  given.set("posEmbedding", resampled);
  expect([...given.keys()].sort()).toEqual([...parameters.keys()].sort());
  for (const [path, { value }] of parameters) value.data.set(given.get(path)!.toArray() as Float64Array);
  return model;
}

describe.each(DTYPES)("in %s, an image of", (dtype) => {
  it.each(SIZES)("%i by %i pixels has Hugging Face's embedding", (height, width) => {
    const size = `${height}x${width}`;
    const model = modelFor([height, width], dtype);
    const images = permute(goldens.tensor(`${size}.in.pixel_values`, dtype), [0, 2, 3, 1]);
    const compare = (actual: Tensor, name: string): void => {
      const tolerance = dtype === "f64" ? 1e-11 : Math.max(8 * measured[name].rel_to_max, 2e-6);
      expectClose(actual, goldens.get(name), { tolerance });
    };
    scope(() =>
      noGrad(() => {
        const pooled = model.image.forward(images, (name, { value }) => {
          if (name === "encoded") compare(value, `${size}.out.vision_last_hidden_state`);
        });
        compare(l2Normalize(pooled, 0).value, `${size}.out.image_embeds`); // Hugging Face adds no ε
      }),
    );
  });
});
