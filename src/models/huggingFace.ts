/**
 * Hugging Face transformers: `SiglipModel`, of SigLIP and of SigLIP 2 at a fixed resolution.
 *
 *   config.json         what differs from the defaults of the classes, which are repeated here
 *   model.safetensors   or several, with model.safetensors.index.json
 *
 * huggingface/transformers, models/siglip/{configuration,modeling}_siglip.py
 */
import { FormatError } from "../formats/index.ts";
import type { ImageTowerConfig, SigLipConfig, Size, TextTowerConfig } from "../siglip/index.ts";
import { checkedConfig } from "./checkedConfig.ts";
import { Fields } from "./fields.ts";
import type { Layout } from "./layout.ts";
import { asHere, type Table, torchConvolution, torchLinear, torchNorm, torchPart } from "./table.ts";
import { openWeights } from "./weights.ts";

export const CONFIG = "config.json";
const GELUS = { gelu_pytorch_tanh: "tanh", gelu: "erf" } as const;

const encoder = (path: string, name: string): Table => ({
  ...torchNorm(`${path}/*/norm1`, `${name}.*.layer_norm1`),
  ...torchNorm(`${path}/*/norm2`, `${name}.*.layer_norm2`),
  ...torchLinear(`${path}/*/attention/qkv`, ...["q", "k", "v"].map((part) => `${name}.*.self_attn.${part}_proj`)),
  ...torchLinear(`${path}/*/attention/out`, `${name}.*.self_attn.out_proj`),
  ...torchLinear(`${path}/*/mlp/dense1`, `${name}.*.mlp.fc1`),
  ...torchLinear(`${path}/*/mlp/dense2`, `${name}.*.mlp.fc2`),
});

const HEAD = "vision_model.head";
const [IN_WEIGHT, IN_BIAS] = [`${HEAD}.attention.in_proj_weight`, `${HEAD}.attention.in_proj_bias`];

const TABLE: Table = {
  ...torchConvolution("image/patchEmbed/embed", "vision_model.embeddings.patch_embedding"),
  "image/posEmbedding": asHere("vision_model.embeddings.position_embedding.weight"),
  ...encoder("image/encoder/blocks", "vision_model.encoder.layers"),
  ...torchNorm("image/encoder/norm", "vision_model.post_layernorm"),
  "image/mapHead/probe": asHere(`${HEAD}.probe`, (_, columns) => [1, 1, columns]),
  // queries, keys and values are one matrix, one above the other
  ...torchPart("image/mapHead/query", IN_WEIGHT, IN_BIAS, 0, 3),
  ...torchPart("image/mapHead/keyValue", IN_WEIGHT, IN_BIAS, 1 / 2, 3 / 2),
  ...torchLinear("image/mapHead/out", `${HEAD}.attention.out_proj`),
  ...torchNorm("image/mapHead/norm", `${HEAD}.layernorm`),
  ...torchLinear("image/mapHead/mlp/dense1", `${HEAD}.mlp.fc1`),
  ...torchLinear("image/mapHead/mlp/dense2", `${HEAD}.mlp.fc2`),
  "text/embedding": asHere("text_model.embeddings.token_embedding.weight"),
  "text/posEmbedding": asHere("text_model.embeddings.position_embedding.weight"),
  ...encoder("text/encoder/blocks", "text_model.encoder.layers"),
  ...torchNorm("text/encoder/norm", "text_model.final_layer_norm"),
  ...torchLinear("text/head", "text_model.head"),
  tPrime: asHere("logit_scale"),
  b: asHere("logit_bias"),
};

/** The layout of Hugging Face transformers. */
export const huggingFace: Layout = {
  name: "hugging-face",
  prefixes: { image: "vision_model.", text: "text_model." },
  ignored: /\.position_ids$/, // 0, 1, 2, ...: stored by versions before 4.31
  resampling: { rule: "bicubic" },
  table: () => TABLE,
  recognizes: (names) => names.has(CONFIG),
  open(folder) {
    const config = readConfig(Fields.ofFile(folder, CONFIG), folder.pathOf(CONFIG));
    return { config, ...openWeights(folder, "model") };
  },
};

function readConfig(fields: Fields, file: string): SigLipConfig {
  const type = fields.text("model_type");
  if (type !== "siglip") {
    const named = type === "siglip2" ? "siglip2, SigLIP 2 of variable resolution (NaFlex)" : (type ?? "without a name");
    throw new FormatError("MODEL_CONFIG", file, 0, `a model of type ${named}, not SigLIP (siglip)`);
  }
  const [vision, text] = [fields.fields("vision_config"), fields.fields("text_config")];
  if (vision.size("num_channels", 3) !== 3) throw vision.wrong("num_channels", "3");
  vision.require("vision_use_head", true, true);
  const imageSize = vision.sides("image_size", 224);
  if (typeof imageSize !== "number")
    throw vision.wrong("image_size", "the side of a square: a SiglipModel has no others");
  const image: ImageTowerConfig = {
    ...tower(vision),
    imageSize,
    patchSize: vision.size("patch_size", 16),
    pooling: "map",
    posEmb: "learn",
  };
  const embedDim = text.size("projection_size", text.size("hidden_size", 768));
  if (embedDim !== image.width) {
    throw text.wrong("projection_size", `${image.width}, the width of the image tower, which has no projection`);
  }
  const language: TextTowerConfig = {
    ...tower(text),
    vocabSize: text.size("vocab_size", 32000),
    length: text.size("max_position_embeddings", 64),
    pooling: "last",
  };
  return checkedConfig({ image, text: language, embedDim, temperatureInit: 1, biasInit: 0 }, file);
}

const tower = (fields: Fields): Size & Pick<ImageTowerConfig, "gelu" | "epsilon"> => ({
  width: fields.size("hidden_size", 768),
  depth: fields.size("num_hidden_layers", 12),
  mlpDim: fields.size("intermediate_size", 3072),
  numHeads: fields.size("num_attention_heads", 12),
  gelu: fields.choice("hidden_act", GELUS, "gelu_pytorch_tanh"),
  epsilon: fields.positive("layer_norm_eps", 1e-6),
});
