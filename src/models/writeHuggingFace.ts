/** Models in the layout of Hugging Face (huggingFace.ts), written. */
import { safetensorsPieces } from "../formats/index.ts";
import type { ImageTowerConfig, SigLipConfig, TextTowerConfig } from "../siglip/index.ts";
import type { Tokenizer } from "../tokenizers/index.ts";
import { jsonFile } from "./fields.ts";
import { CONFIG } from "./huggingFace.ts";
import { HUGGING_FACE_IMAGES, huggingFaceImages } from "./imageSettings.ts";
import type { LayoutWriter } from "./layout.ts";
import { NO_FILES, tokenizerFiles } from "./tokenizerFiles.ts";
import { unsupportedParts } from "./unsupported.ts";

export const writeHuggingFace: LayoutWriter = {
  unsupported(config) {
    const { text } = config;
    return [
      ...unsupportedParts(config),
      ...(text.head === false ? ["text.head false: a SiglipModel always has one"] : []),
    ];
  },
  files(config, tensors, { tokenizer, images }) {
    const { files, notes } = tokenizer ? tokenizerFiles(tokenizer, config.text.length, "hugging-face") : NO_FILES;
    const all = new Map<string, Iterable<Uint8Array>>([
      ["model.safetensors", safetensorsPieces(tensors, new Map([["format", "pt"]]))],
      [CONFIG, jsonFile(writtenConfig(config, tokenizer))],
      ...files,
    ]);
    if (images) all.set(HUGGING_FACE_IMAGES, jsonFile(huggingFaceImages(images, config)));
    return { files: all, notes };
  },
};

function writtenConfig({ image, text, embedDim }: SigLipConfig, tokenizer: Tokenizer | undefined): object {
  const shared = ({ width, depth, mlpDim, numHeads, gelu, epsilon = 1e-6 }: ImageTowerConfig | TextTowerConfig) => ({
    hidden_size: width,
    num_hidden_layers: depth,
    intermediate_size: mlpDim,
    num_attention_heads: numHeads,
    hidden_act: gelu === "erf" ? "gelu" : "gelu_pytorch_tanh",
    layer_norm_eps: epsilon,
  });
  return {
    architectures: ["SiglipModel"],
    model_type: "siglip",
    torch_dtype: "float32",
    text_config: {
      model_type: "siglip_text_model",
      ...shared(text),
      vocab_size: text.vocabSize,
      max_position_embeddings: text.length,
      projection_size: embedDim,
      // without these, those of another tokenizer
      ...{ bos_token_id: null, eos_token_id: tokenizer?.end ?? null, pad_token_id: tokenizer?.pad ?? null },
    },
    vision_config: {
      model_type: "siglip_vision_model",
      ...shared(image),
      image_size: image.imageSize,
      patch_size: image.patchSize,
      num_channels: 3,
    },
  };
}
