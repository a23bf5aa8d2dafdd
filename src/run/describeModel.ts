/** What a model is, in the words that all layouts share, and what of it is easily done wrong elsewhere. */
import { parameterCount, type SigLipConfig } from "../siglip/index.ts";
import type { OpenModel } from "./openModel.ts";

/** A description of a model. */
export interface ModelDescription {
  readonly layout: OpenModel["origin"];
  /** In pixels: the side of a square, or height and width. */
  readonly imageSize: SigLipConfig["image"]["imageSize"];
  readonly patchSize: number;
  /** Of the image tower. */
  readonly width: number;
  readonly embedDim: number;
  readonly textLength: number;
  readonly vocabSize: number;
  readonly parameters: number;
  readonly t: number;
  readonly b: number;
  readonly config: SigLipConfig;
  /** In words: properties of this model that other programs may treat in another way. */
  readonly notes: readonly string[];
}

/** open_clip keeps t at most here after every step of a training. */
const CLAMP = 100;

/** Describes a model; no tower of released weights is read. */
export function describeModel({ origin, config, t, b }: OpenModel): ModelDescription {
  const { image, text, embedDim } = config;
  return {
    layout: origin,
    imageSize: image.imageSize,
    patchSize: image.patchSize,
    width: image.width,
    embedDim,
    textLength: text.length,
    vocabSize: text.vocabSize,
    parameters: parameterCount(config).total,
    t,
    b,
    config,
    notes: notesOn(origin, config, t),
  };
}

function notesOn(origin: OpenModel["origin"], { image, text }: SigLipConfig, t: number): string[] {
  const [ofImage, ofText] = [image, text].map(({ gelu = "tanh" }) => gelu);
  const erf = [...(ofImage === "erf" ? ["image tower"] : []), ...(ofText === "erf" ? ["text tower"] : [])];
  return [
    ...(text.pooling === "last"
      ? [
          `texts must be padded to ${text.length} tokens (transformers: padding="max_length"): the last position is pooled, whatever stands there`,
        ]
      : []),
    ...(erf.length > 0
      ? [
          `GELU is exact in the ${erf.join(" and ")}; big_vision and SiglipModel have its tanh form, which gives other numbers`,
        ]
      : []),
    ...(t > CLAMP
      ? [
          `t ${t.toFixed(1)} is above ${CLAMP}, to which open_clip cuts it after the first step of a training on these weights`,
        ]
      : []),
    ...(Math.abs(t - CLAMP) < 1e-3 && origin === "open-clip"
      ? [`t is ${CLAMP}, where open_clip cuts it: it may have been larger`]
      : []),
  ];
}
