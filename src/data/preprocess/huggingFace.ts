/**
 * The preprocessor_config.json of a Hugging Face SigLIP folder: resized to a square by Pillow, then (byte · factor − mean) / std.
 *
 * Absent and null fields have the defaults of transformers' `SiglipImageProcessor`. Its faster variant (`...Fast`, the default of
 * transformers 5) resizes with PyTorch, in another way; this follows the one on Pillow.
 */
import type { JsonValue } from "../../formats/index.ts";
import { Settings } from "./settings.ts";
import type { PreprocessSpec, PreprocessStep } from "./spec.ts";

const HALVES = [0.5, 0.5, 0.5] as const;

/** Fields that change no pixel here: names of classes, and how the library passes arrays on. */
const IGNORED = [
  "_processor_class",
  "_valid_processor_keys",
  "auto_map",
  "data_format",
  "default_to_square",
  "device",
  "disable_grouping",
  "do_convert_rgb",
  "feature_extractor_type",
  "input_data_format",
  "processor_class",
  "return_tensors",
];
const READ = [
  "do_center_crop",
  "do_normalize",
  "do_pad",
  "do_rescale",
  "do_resize",
  "image_mean",
  "image_processor_type",
  "image_std",
  "resample",
  "rescale_factor",
  "size",
];

/** Numbers of Pillow's filters. */
const FILTERS = new Map<JsonValue, "bilinear" | "bicubic">([
  [2, "bilinear"],
  [3, "bicubic"],
]);

const TYPES = new Map<JsonValue, true>(
  ["SiglipImageProcessor", "SiglipImageProcessorFast", "SiglipImageProcessorPil"].map((name) => [name, true]),
);

/** Reads the parsed preprocessor_config.json of a SigLIP folder; `file` is for messages. Throws `PreprocessError`. */
export function huggingFacePreprocessing(json: JsonValue, file: string): PreprocessSpec {
  const settings = new Settings(json, file);
  settings.choice("image_processor_type", TYPES, true);
  for (const key of ["do_center_crop", "do_pad"]) {
    if (settings.boolean(key, false)) settings.wrong(`"${key}" must be false: SigLIP images are resized to a square`);
  }
  settings.requireKnown([...READ, ...IGNORED]);
  const steps: PreprocessStep[] = [];
  if (settings.boolean("do_resize", true)) {
    const size = new Settings(settings.get("size") ?? { height: 224, width: 224 }, `${file}, "size"`);
    size.requireKnown(["height", "width"]);
    const [height, width] = ["height", "width"].map((key) => size.side(key, size.get(key)));
    const method = settings.choice("resample", FILTERS, "bicubic");
    steps.push({ op: "resize", size: { fit: "squash", height, width }, resampling: { library: "pillow", method } });
  }
  const scale = settings.boolean("do_rescale", true) ? settings.number("rescale_factor", 1 / 255) : 1;
  const [mean, std] = settings.boolean("do_normalize", true)
    ? [settings.channels("image_mean", HALVES), settings.deviations("image_std", HALVES)]
    : [[0, 0, 0] as const, [1, 1, 1] as const];
  return { steps, values: { kind: "normalize", scale, mean, std } };
}
