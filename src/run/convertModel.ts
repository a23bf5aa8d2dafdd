/** Writes a model of any origin in the layout of a library, with its tokenizer and how its images are prepared. */
import type { PreprocessSpec } from "../data/index.ts";
import { type ImageSettings, type LayoutName, type SavedModel, saveModel } from "../models/index.ts";
import { TokenizerError } from "../tokenizers/index.ts";
import { describeModel } from "./describeModel.ts";
import type { OpenModel } from "./openModel.ts";

/**
 * Writes a model into a new folder. Throws `ModelFolderError` if it exists, `FormatError` if the layout cannot express the model. A
 * model without a tokenizer is written without one, which a note says.
 */
export function convertModel(model: OpenModel, folder: string, layout: LayoutName): SavedModel {
  const images = imageSettings(model.pictures.spec, layout);
  const { tokenizer, notes } = tokenizerOf(model);
  const saved = saveModel(model.model, folder, layout, {
    ...(tokenizer && { tokenizer }),
    ...(images.settings && { images: images.settings }),
  });
  return { ...saved, notes: [...describeModel(model).notes, ...saved.notes, ...notes, ...images.notes] };
}

function tokenizerOf(model: OpenModel): Pick<Partial<OpenModel>, "tokenizer"> & { readonly notes: string[] } {
  try {
    return { tokenizer: model.tokenizer, notes: [] };
  } catch (error) {
    if (!(error instanceof TokenizerError)) throw error;
    return { notes: [`tokenizer: none is written (${error.message})`] };
  }
}

/** White is 0, black 2: (1 − v)·2. */
const INK: ImageSettings = { mean: [1, 1, 1], std: [-0.5, -0.5, -0.5], interpolation: "bilinear", antialias: true };

/** Settings that all layouts can say, and in words what of a preparation they cannot. */
function imageSettings(
  spec: PreprocessSpec | undefined,
  layout: LayoutName,
): { readonly settings?: ImageSettings; readonly notes: string[] } {
  if (layout === "siglip-ts" && spec === undefined) return { notes: [] };
  if (spec === undefined) {
    const how = "training here put drawings on white, made them square and cut them to their content";
    return {
      settings: INK,
      notes: [`images: ${how}; give the library images like that (std is negative: white is 0)`],
    };
  }
  const [resize, ...rest] = spec.steps;
  if (resize?.op !== "resize") {
    return { notes: ["images: their preparation does not begin with a resize, so no settings are written"] };
  }
  const { resampling, size } = resize;
  const antialias = resampling.library === "pillow" || resampling.antialias;
  const library = layout === "big-vision" ? "tensorflow" : "pillow";
  const notes = [
    ...(rest.length > 0 || size.fit !== "squash" ? ["images: they were cropped or padded, and will be squashed"] : []),
    ...(resampling.library === library
      ? []
      : [
          `images: resized by ${library === "pillow" ? "Pillow" : "TensorFlow"} there, not by ${library === "pillow" ? "TensorFlow" : "Pillow"}`,
        ]),
    ...(!antialias && layout !== "big-vision"
      ? ["images: they were reduced without antialias, which only big_vision can"]
      : []),
    ...(resampling.method === "area" ? ["images: they were resized by area, and will be bilinear"] : []),
  ];
  const interpolation = resampling.method === "bicubic" ? "bicubic" : "bilinear";
  return { settings: { ...valuesOf(spec.values), interpolation, antialias }, notes };
}

type Channels = readonly [number, number, number];

/** The numbers as (byte/255 − mean) / std. */
function valuesOf(values: PreprocessSpec["values"]): Pick<ImageSettings, "mean" | "std"> {
  if (values.kind === "normalize") {
    const unit = 255 * values.scale; // 1 if bytes are divided by 255
    const scaled = (channels: Channels): Channels => [channels[0] / unit, channels[1] / unit, channels[2] / unit];
    return { mean: scaled(values.mean), std: scaled(values.std) };
  }
  const { low, high, inLow, inHigh } = values;
  const slope = (255 * (high - low)) / (inHigh - inLow);
  const mean = inLow / 255 - low / slope;
  return { mean: [mean, mean, mean], std: [1 / slope, 1 / slope, 1 / slope] };
}
