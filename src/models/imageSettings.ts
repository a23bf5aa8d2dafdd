/** How images are prepared for a model, in the words of each library. */
import { type SigLipConfig, sidesOf } from "../siglip/index.ts";

/** Images are resized to those of the model, whatever their shape, then (byte/255 − mean) / std in each channel. */
export interface ImageSettings {
  readonly mean: readonly [number, number, number];
  readonly std: readonly [number, number, number];
  readonly interpolation: "bilinear" | "bicubic";
  /** Whether the filter widens when it reduces an image. Pillow's always do, so only big_vision can say no. */
  readonly antialias: boolean;
}

/** The file of Hugging Face's settings. */
export const HUGGING_FACE_IMAGES = "preprocessor_config.json";

/** The contents of a preprocessor_config.json. */
export function huggingFaceImages({ mean, std, interpolation }: ImageSettings, { image }: SigLipConfig): object {
  const [height, width] = sidesOf(image);
  return {
    image_processor_type: "SiglipImageProcessor",
    do_convert_rgb: true,
    do_resize: true,
    size: { height, width },
    resample: interpolation === "bicubic" ? 3 : 2, // Pillow's numbers
    do_rescale: true,
    rescale_factor: 1 / 255,
    do_normalize: true,
    image_mean: mean,
    image_std: std,
  };
}

/** open_clip's `preprocess_cfg`; that of the released models by default. */
export const openClipImages = ({ mean, std, interpolation }: ImageSettings = RELEASED): object => ({
  ...{ mean, std, interpolation, resize_mode: "squash" },
});

const RELEASED: ImageSettings = {
  mean: [0.5, 0.5, 0.5],
  std: [0.5, 0.5, 0.5],
  interpolation: "bicubic",
  antialias: true,
};

/** A file for a preprocessing string, which big_vision itself keeps in its configurations. */
export const BIG_VISION_IMAGES = "preprocess.txt";

/** A preprocessing string of big_vision; undefined if the channels differ. */
export function bigVisionImages(
  { mean, std, interpolation, antialias }: ImageSettings,
  { image }: SigLipConfig,
): string | undefined {
  if (new Set(mean).size > 1 || new Set(std).size > 1) return undefined;
  const [low, high] = [0, 1].map((value) => (value - mean[0]) / std[0]);
  const options = `method="${interpolation}", antialias=${antialias ? "True" : "False"}`;
  return `resize(${sidesOf(image)[0]}, ${options})|value_range(${low},${high})`;
}
