/**
 * How image files become the input of a model: as in training here, or as the library does that released weights come from.
 *
 *   folder of        settings beside the weights        otherwise
 *   Hugging Face     preprocessor_config.json           Pillow's bicubic to a square, [−1, 1]
 *   open_clip        preprocess_cfg of its configuration open_clip's own defaults
 *   big_vision       preprocess.txt, its string         resize(side)|value_range(-1,1)
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  bigVisionPreprocessing,
  huggingFacePreprocessing,
  openClipPreprocessing,
  type PreparedPicture,
  PreprocessError,
  type PreprocessSpec,
  preprocess,
  readImage,
  readPicture,
} from "../data/index.ts";
import { isJsonRecord, type JsonValue, parseJson } from "../formats/index.ts";
import type { LayoutName } from "../models/index.ts";
import { type SigLipConfig, sidesOf } from "../siglip/index.ts";
import type { Config } from "./config.ts";
import { trims } from "./emojiData.ts";
import { formOf } from "./filesData.ts";

/** Reads image files as the input of one model. */
export interface PictureReader {
  readonly height: number;
  readonly width: number;
  /** Reads an image file and prepares it as the model was trained. Throws `PictureError`. */
  read(file: string): Promise<PreparedPicture>;
  /** What the preparation depends on, for caches. */
  readonly settings: string;
}

/** As in training here: on white, in ink, on request cut to the drawing. Throws `PreprocessError` for a model of other shapes. */
export function trainingPictures({ image }: SigLipConfig, trim: boolean, stored?: number): PictureReader {
  const [height, width] = sidesOf(image);
  if (height !== width) {
    throw new PreprocessError(`images of ${height} × ${width} pixels: files are prepared as squares alone`);
  }
  const prepare = { side: height, trim, ...(stored === undefined ? {} : { stored }) };
  return {
    height,
    width,
    read: (file) => readPicture(file, prepare),
    settings: JSON.stringify({ ink: 1, ...prepare }),
  };
}

/** As in the training of a run. */
export function runPictures(config: Config, model: SigLipConfig): PictureReader {
  if (config.data.name !== "files") return trainingPictures(model, trims(config));
  const form = formOf(config);
  if (form.kind === "ink") return trainingPictures(model, form.trim, form.stored);
  return preparedPictures(form.spec, model, "data.preprocess");
}

/** By settings of preprocessing. Throws `PreprocessError` if they give another size than that of the model. */
export function preparedPictures(spec: PreprocessSpec, { image }: SigLipConfig, from: string): PictureReader {
  const [height, width] = sidesOf(image);
  const grey = { data: new Uint8Array(height * width * 3), height, width };
  const made = preprocess(grey, spec);
  if (made.height !== height || made.width !== width) {
    const sizes = `${made.width} × ${made.height} pixels, and the model takes ${width} × ${height}`;
    throw new PreprocessError(`${from}: it makes images of ${sizes}`);
  }
  return {
    height,
    width,
    read: async (file) => ({ pixels: preprocess(await readImage(file), spec).pixels, cutOff: 0 }),
    settings: JSON.stringify(spec),
  };
}

const HUGGING_FACE = "preprocessor_config.json";
const OPEN_CLIP = "open_clip_config.json";
const BIG_VISION = "preprocess.txt";

/** Reads image files for released weights in `folder`; `warn` says if settings are missing. Throws `PreprocessError`. */
export function releasedPictures(
  folder: string,
  layout: LayoutName,
  config: SigLipConfig,
  warn: (message: string) => void,
): PictureReader {
  const { spec, from } = releasedSpec(folder, layout, sidesOf(config.image)[0], warn);
  return preparedPictures(spec, config, from);
}

function releasedSpec(folder: string, layout: LayoutName, side: number, warn: (message: string) => void) {
  const names = readdirSync(folder);
  if (layout === "open-clip") {
    const from = join(folder, OPEN_CLIP);
    const file = json(from);
    const settings = (isJsonRecord(file) ? file.preprocess_cfg : undefined) ?? {};
    return { spec: openClipPreprocessing(settings, from, side), from };
  }
  if (layout === "big-vision") {
    const from = join(folder, BIG_VISION);
    if (!names.includes(BIG_VISION)) return { spec: bigVisionPreprocessing(`resize(${side})|value_range(-1,1)`), from };
    return { spec: bigVisionPreprocessing(readFileSync(from, "utf8").trim()), from };
  }
  const from = join(folder, HUGGING_FACE);
  if (names.includes(HUGGING_FACE)) return { spec: huggingFacePreprocessing(json(from), from), from };
  warn(`${from} is missing: images are resized by Pillow's bicubic, as for SigLIP 1; SigLIP 2 uses bilinear`);
  return { spec: huggingFacePreprocessing({ size: { height: side, width: side } }, from), from };
}

const json = (path: string): JsonValue => parseJson(readFileSync(path), path);
