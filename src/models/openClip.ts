/**
 * open_clip: a timm image tower and open_clip's text tower.
 *
 *   open_clip_config.json         model_cfg with the sizes of the text tower and the name of the image tower
 *   open_clip_model.safetensors
 *
 * GELU is exact, x·Φ(x), in timm's image towers but the largest, and in text towers without act_kwargs. The sizes of an image tower follow from its
 * tensors; only its heads follow from its name, since nothing else says them.
 *
 * mlfoundations/open_clip; huggingface/pytorch-image-models, vision_transformer.py
 */
import { FormatError, quote, type TensorSource } from "../formats/index.ts";
import type { ImageTowerConfig, SigLipConfig, TextTowerConfig } from "../siglip/index.ts";
import { checkedConfig } from "./checkedConfig.ts";
import { Fields } from "./fields.ts";
import type { Layout } from "./layout.ts";
import { asHere, type Table, torchConvolution, torchLinear, torchNorm } from "./table.ts";
import { openWeights } from "./weights.ts";

export const CONFIG = "open_clip_config.json";
const TRUNK = "visual.trunk";
/** Heads of timm's sizes. */
const HEADS: Readonly<Record<string, number>> = { small: 6, medium: 8, base: 12, large: 16, so400m: 16, giantopt: 16 };
/** The only size whose GELU is the tanh form. */
export const TANH = "giantopt";

/** A layer of PyTorch's `MultiheadAttention`, whose weight is not in a module of its own. */
const inProjection = (path: string, name: string): Table => ({
  [`${path}/kernel`]: { names: [`${name}_weight`], order: "columns" },
  [`${path}/bias`]: asHere(`${name}_bias`),
});

const TABLE: Table = {
  ...torchConvolution("image/patchEmbed/embed", `${TRUNK}.patch_embed.proj`),
  "image/posEmbedding": asHere(`${TRUNK}.pos_embed`, (rows, columns) => [1, rows, columns]),
  ...torchNorm("image/encoder/blocks/*/norm1", `${TRUNK}.blocks.*.norm1`),
  ...torchNorm("image/encoder/blocks/*/norm2", `${TRUNK}.blocks.*.norm2`),
  ...torchLinear("image/encoder/blocks/*/attention/qkv", `${TRUNK}.blocks.*.attn.qkv`),
  ...torchLinear("image/encoder/blocks/*/attention/out", `${TRUNK}.blocks.*.attn.proj`),
  ...torchLinear("image/encoder/blocks/*/mlp/dense1", `${TRUNK}.blocks.*.mlp.fc1`),
  ...torchLinear("image/encoder/blocks/*/mlp/dense2", `${TRUNK}.blocks.*.mlp.fc2`),
  ...torchNorm("image/encoder/norm", `${TRUNK}.norm`),
  "image/mapHead/probe": asHere(`${TRUNK}.attn_pool.latent`, (_, columns) => [1, 1, columns]),
  ...torchLinear("image/mapHead/query", `${TRUNK}.attn_pool.q`),
  ...torchLinear("image/mapHead/keyValue", `${TRUNK}.attn_pool.kv`),
  ...torchLinear("image/mapHead/out", `${TRUNK}.attn_pool.proj`),
  ...torchNorm("image/mapHead/norm", `${TRUNK}.attn_pool.norm`),
  ...torchLinear("image/mapHead/mlp/dense1", `${TRUNK}.attn_pool.mlp.fc1`),
  ...torchLinear("image/mapHead/mlp/dense2", `${TRUNK}.attn_pool.mlp.fc2`),
  "text/embedding": asHere("text.token_embedding.weight"),
  "text/posEmbedding": asHere("text.positional_embedding"),
  ...torchNorm("text/encoder/blocks/*/norm1", "text.transformer.resblocks.*.ln_1"),
  ...torchNorm("text/encoder/blocks/*/norm2", "text.transformer.resblocks.*.ln_2"),
  ...inProjection("text/encoder/blocks/*/attention/qkv", "text.transformer.resblocks.*.attn.in_proj"),
  ...torchLinear("text/encoder/blocks/*/attention/out", "text.transformer.resblocks.*.attn.out_proj"),
  ...torchLinear("text/encoder/blocks/*/mlp/dense1", "text.transformer.resblocks.*.mlp.c_fc"),
  ...torchLinear("text/encoder/blocks/*/mlp/dense2", "text.transformer.resblocks.*.mlp.c_proj"),
  ...torchNorm("text/encoder/norm", "text.ln_final"),
  ...torchLinear("text/head", "text.text_projection"),
  tPrime: asHere("logit_scale", () => []),
  b: asHere("logit_bias", () => []),
};

/** The layout of open_clip. */
export const openClip: Layout = {
  name: "open-clip",
  prefixes: { image: "visual.", text: "text." },
  resampling: { rule: "bilinear" }, // timm's of weights of big_vision
  table: () => TABLE,
  recognizes: (names) => names.has(CONFIG),
  open(folder) {
    const file = folder.pathOf(CONFIG);
    const model = Fields.ofFile(folder, CONFIG).fields("model_cfg");
    const vision = model.fields("vision_cfg");
    if (!vision.has("timm_model_name") || !model.has("init_logit_bias")) {
      throw new FormatError(
        "MODEL_CONFIG",
        file,
        0,
        "a CLIP model, not SigLIP: it has no timm image tower or no logit bias",
      );
    }
    const weights = openWeights(folder, "open_clip_model");
    try {
      return { ...weights, config: readConfig(model, vision, weights.source, file) };
    } catch (error) {
      weights.close();
      throw error;
    }
  },
};

function readConfig(model: Fields, vision: Fields, source: TensorSource, file: string): SigLipConfig {
  const fields = model.fields("text_cfg");
  fields.require("no_causal_mask", true, false);
  fields.require("pool_type", "last", "argmax");
  const [embedDim, width] = [model.size("embed_dim"), fields.size("width", 512)];
  const head = fields.text("proj_type") !== "none";
  if (head) fields.require("proj_bias", true, false);
  const gelu = fields.fields("act_kwargs").choice("approximate", { tanh: "tanh", none: "erf" } as const, "none");
  const text: TextTowerConfig = {
    width,
    depth: fields.size("layers", 12),
    numHeads: fields.size("heads", 8),
    mlpDim: Math.floor(width * fields.positive("mlp_ratio", 4)),
    gelu,
    epsilon: fields.fields("norm_kwargs").positive("eps", 1e-5),
    vocabSize: fields.size("vocab_size", 49408),
    length: fields.size("context_length", 77),
    pooling: "last",
    ...(!head && { head }),
  };
  const image = imageConfig(vision, source, file);
  return checkedConfig({ image, text, embedDim, temperatureInit: 1, biasInit: 0 }, file);
}

function imageConfig(vision: Fields, { entries }: TensorSource, file: string): ImageTowerConfig {
  vision.require("timm_pool", "map", "");
  vision.require("timm_proj", "none", "linear");
  const name = vision.text("timm_model_name")!;
  const size = /^vit_(\w+?)_patch\d+_siglip(?:_|$)/.exec(name)?.[1] ?? "";
  const options = vision.fields("timm_model_kwargs");
  if (!Object.hasOwn(HEADS, size) && !options.has("num_heads")) {
    throw vision.wrong("timm_model_name", `vit_<size>_patch<n>_siglip with a size of ${Object.keys(HEADS).join(", ")}`);
  }
  const shape = (tensor: string, axes: number): readonly number[] => {
    const found = entries.get(`${TRUNK}.${tensor}`)?.shape;
    if (found?.length === axes) return found;
    const problem = found === undefined ? "is missing" : `is [${found}], expected ${axes} axes`;
    throw new FormatError("MODEL_MISMATCH", file, 0, `${quote(`${TRUNK}.${tensor}`)} ${problem}`);
  };
  const [width, , patchSize] = shape("patch_embed.proj.weight", 4);
  const block = /^visual\.trunk\.blocks\.(\d+)\./;
  return {
    width,
    depth: new Set([...entries.keys()].flatMap((each) => block.exec(each)?.[1] ?? [])).size,
    mlpDim: shape("blocks.0.mlp.fc1.weight", 2)[0],
    numHeads: options.size("num_heads", HEADS[size]),
    gelu: options.choice(
      "act_layer",
      { gelu: "erf", gelu_tanh: "tanh" } as const,
      size === TANH ? "gelu_tanh" : "gelu",
    ),
    imageSize: vision.sides("image_size", 224),
    patchSize,
    pooling: "map",
    posEmb: "learn",
  };
}
