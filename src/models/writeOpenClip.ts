/** Models in the layout of open_clip (openClip.ts), written. */
import { safetensorsPieces } from "../formats/index.ts";
import { type ImageTowerConfig, SIZES, type SigLipConfig, type Size } from "../siglip/index.ts";
import { jsonFile } from "./fields.ts";
import { openClipImages } from "./imageSettings.ts";
import type { LayoutWriter } from "./layout.ts";
import { CONFIG, TANH } from "./openClip.ts";
import { NO_FILES, openClipTokenizer, tokenizerFiles } from "./tokenizerFiles.ts";
import { unsupportedParts } from "./unsupported.ts";

/** Image towers that timm has a name for: sizes, with patches and sides. */
const NAMED: readonly (readonly [name: string, Size, patches: Readonly<Record<number, readonly number[]>>])[] = [
  ["base", SIZES.B, { 16: [224, 256, 384, 512], 32: [256] }],
  ["large", SIZES.L, { 16: [256, 384, 512] }],
  ["so400m", SIZES.So400m, { 14: [224, 378, 384], 16: [256, 384, 512] }],
  [TANH, SIZES["g-opt"], { 16: [256, 384] }],
];

export const writeOpenClip: LayoutWriter = {
  unsupported(config) {
    const { epsilon = 1e-6 } = config.image;
    return [...unsupportedParts(config), ...(epsilon === 1e-6 ? [] : [`image.epsilon ${epsilon}: timm's is 1e-6`])];
  },
  files(config, tensors, { tokenizer, images }) {
    const { files, notes } = tokenizer ? tokenizerFiles(tokenizer, config.text.length, "open-clip") : NO_FILES;
    const all = new Map<string, Iterable<Uint8Array>>([
      ["open_clip_model.safetensors", safetensorsPieces(tensors, new Map([["format", "pt"]]))],
      [CONFIG, jsonFile(writtenConfig(config, tokenizer && openClipTokenizer(tokenizer), openClipImages(images)))],
      ...files,
    ]);
    return { files: all, notes: [...notes, ...("timm_model_kwargs" in timmModel(config.image) ? [UNNAMED] : [])] };
  },
};

const UNNAMED =
  "image tower: timm has no name for one of these sizes with this GELU; open_clip 3.3.0 cannot build it from these settings, later versions can";

function writtenConfig({ image, text, embedDim }: SigLipConfig, tokenizer: object | undefined, images: object): object {
  const head = text.head ?? true;
  return {
    model_cfg: {
      embed_dim: embedDim,
      init_logit_bias: -10,
      custom_text: true,
      vision_cfg: {
        image_size: image.imageSize,
        timm_model_pretrained: false,
        timm_pool: "map",
        timm_proj: "none",
        ...timmModel(image),
      },
      text_cfg: {
        context_length: text.length,
        vocab_size: text.vocabSize,
        ...tokenizer,
        width: text.width,
        heads: text.numHeads,
        layers: text.depth,
        mlp_ratio: text.mlpDim / text.width,
        no_causal_mask: true,
        ...(head ? { proj_bias: true } : { proj_type: "none" }),
        pool_type: "last",
        norm_kwargs: { eps: text.epsilon ?? 1e-6 },
        ...(text.gelu !== "erf" && { act_kwargs: { approximate: "tanh" } }),
      },
    },
    preprocess_cfg: images,
  };
}

/** timm's name of an image tower. Others are a named one with other arguments, which open_clip 3.3.0 does not read, and later ones do. */
function timmModel({ imageSize, patchSize, width, depth, mlpDim, numHeads, gelu = "tanh" }: ImageTowerConfig): object {
  for (const [name, size, patches] of NAMED) {
    const isSize = size.width === width && size.depth === depth && size.mlpDim === mlpDim && size.numHeads === numHeads;
    if (!isSize || !patches[patchSize]?.some((side) => side === imageSize)) continue;
    if (gelu === (name === TANH ? "tanh" : "erf")) {
      return { timm_model_name: `vit_${name}_patch${patchSize}_siglip_${imageSize}` };
    }
  }
  return {
    timm_model_name: "vit_base_patch16_siglip_224",
    timm_model_kwargs: {
      img_size: imageSize,
      patch_size: patchSize,
      embed_dim: width,
      depth,
      num_heads: numHeads,
      mlp_ratio: mlpDim / width,
      ...(gelu !== "erf" && { act_layer: "gelu_tanh" }),
    },
  };
}
