/**
 * The `preprocess_cfg` of open_clip, for inference: resized by Pillow in one of three modes, then (byte / 255 − mean) / std.
 *
 *   squash     to side × side
 *   shortest   shorter side to `side`, centre cropped to a square
 *   longest    longer side to `side`, padded to a square with `fill_color`
 *
 * Absent and null fields have open_clip's defaults. open_clip resizes before it drops an alpha channel or looks up a palette; here
 * an image is RGB from the start.
 */
import type { JsonValue } from "../../formats/index.ts";
import { Settings } from "./settings.ts";
import { isSide, MAX_SIDE, PreprocessError, type PreprocessSpec, type PreprocessStep } from "./spec.ts";

/** OpenAI CLIP's, open_clip's defaults. */
const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;

const INTERPOLATIONS = new Map<JsonValue, "bilinear" | "bicubic">([
  ["bilinear", "bilinear"],
  ["bicubic", "bicubic"],
]);
const MODES = new Map<JsonValue, "squash" | "shortest" | "longest">([
  ["squash", "squash"],
  ["shortest", "shortest"],
  ["longest", "longest"],
]);

/**
 * Reads the parsed `preprocess_cfg` of an open_clip_config.json; `file` is for messages.
 *
 * `size` is the image size of the model (`vision_cfg.image_size`), a side or [height, width], which replaces any `size` in the
 * settings. Throws `PreprocessError`, also for images that are no squares in another mode than squash.
 */
export function openClipPreprocessing(
  json: JsonValue,
  file: string,
  size: number | readonly [height: number, width: number],
): PreprocessSpec {
  const [height, width] = typeof size === "number" ? [size, size] : size;
  if (!isSide(height) || !isSide(width))
    throw new PreprocessError(`${file}: the image size must be integers in 1..${MAX_SIDE}, not ${size}`);
  const settings = new Settings(json, file);
  settings.requireKnown(["size", "mode", "mean", "std", "interpolation", "resize_mode", "fill_color"]);
  settings.choice("mode", new Map([["RGB", true]]), true);
  const resampling = {
    library: "pillow",
    method: settings.choice("interpolation", INTERPOLATIONS, "bicubic"),
  } as const;
  const mode = settings.choice("resize_mode", MODES, "shortest");
  if (mode !== "squash" && height !== width) {
    settings.wrong(`"resize_mode" must be "squash" for images of ${width} × ${height} pixels`, mode);
  }
  const target = mode === "squash" ? ({ fit: mode, height, width } as const) : ({ fit: mode, side: height } as const);
  const steps: PreprocessStep[] = [{ op: "resize", size: target, resampling }];
  const fill = settings.number("fill_color", 0);
  if (!(Number.isInteger(fill) && fill >= 0 && fill <= 255)) {
    settings.wrong('"fill_color" must be an integer in 0..255', fill);
  }
  if (mode !== "squash") steps.push({ op: "cropOrPad", side: height, fill });
  const mean = settings.channels("mean", CLIP_MEAN);
  return { steps, values: { kind: "normalize", scale: 1 / 255, mean, std: settings.deviations("std", CLIP_STD) } };
}
