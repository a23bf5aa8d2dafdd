/**
 * How image files become the input of a model: as in training here, or as the library does that released weights come from.
 *
 *   layout           settings beside the weights             otherwise
 *   Hugging Face     preprocessor_config.json, or            Pillow's bicubic to a square, [−1, 1]
 *                    image_processor of processor_config.json
 *   open_clip        preprocess_cfg of its configuration     open_clip's own defaults
 *   big_vision       preprocess.txt with its string          resize(side)|value_range(-1,1)
 *   our own          preprocessor_config.json                as in training here
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import {
  bigVisionPreprocessing,
  decodeInput,
  huggingFacePreprocessing,
  openClipPreprocessing,
  type PictureInput,
  type PreparedPicture,
  PreprocessError,
  type PreprocessSpec,
  preprocess,
  readBytes,
} from "../data/index.ts";
import { isJsonRecord, type JsonValue, parseJson } from "../formats/index.ts";
import type { LayoutName } from "../models/index.ts";
import { type SigLipConfig, sidesOf } from "../siglip/index.ts";
import type { Config } from "./config.ts";
import { trims } from "./emojiData.ts";
import { formOf } from "./filesData.ts";
import { realFs } from "./fs.ts";

/** Reads image files as the input of one model. */
export interface PictureReader {
  readonly height: number;
  readonly width: number;
  /** Reads an image file and prepares it as the model was trained. Throws `PictureError`. */
  read(file: string): Promise<PreparedPicture>;
  /** The preparation as plain data, for other threads. */
  readonly input: PictureInput;
  /** Steps and numbers of the preparation; undefined if it is that of a training here. */
  readonly spec?: PreprocessSpec;
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
    ...readerOf({ kind: "ink", ...prepare }),
    settings: JSON.stringify({ ink: 1, ...prepare }),
  };
}

const readerOf = (input: PictureInput): Pick<PictureReader, "input" | "read"> => ({
  input,
  read: async (file) => decodeInput(input, await readBytes(file), file),
});

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
    spec,
    ...readerOf({ kind: "preprocessed", spec }),
    settings: JSON.stringify(spec),
  };
}

const HUGGING_FACE = "preprocessor_config.json";
const PROCESSOR = "processor_config.json"; // of transformers 5, with the settings of all parts
const OPEN_CLIP = "open_clip_config.json";
const BIG_VISION = "preprocess.txt";

/** The reader for weights in `folder`; `warn` says if settings are missing. Throws `PreprocessError`. */
export function picturesFor(
  folder: string,
  layout: LayoutName,
  config: SigLipConfig,
  warn: (message: string) => void,
): PictureReader {
  const names = readdirSync(folder);
  const [side, width] = sidesOf(config.image);
  const prepared = (file: string, specIn: (path: string) => PreprocessSpec): PictureReader =>
    preparedPictures(specIn(join(folder, file)), config, join(folder, file));
  if (layout === "open-clip")
    return prepared(OPEN_CLIP, (path) => openClipPreprocessing(fieldOf(path, "preprocess_cfg"), path, [side, width]));
  if (layout === "big-vision") {
    const text = (path: string): string => new TextDecoder().decode(realFs.read(path)).trim();
    const usual = `resize(${side})|value_range(-1,1)`;
    return prepared(BIG_VISION, (path) => bigVisionPreprocessing(names.includes(BIG_VISION) ? text(path) : usual));
  }
  if (names.includes(HUGGING_FACE)) return prepared(HUGGING_FACE, (path) => huggingFacePreprocessing(json(path), path));
  if (layout === "siglip-ts") return trainingPictures(config, true);
  if (names.includes(PROCESSOR))
    return prepared(PROCESSOR, (path) => huggingFacePreprocessing(fieldOf(path, "image_processor"), path));
  warn(
    `${join(folder, HUGGING_FACE)} is missing: images are resized by Pillow's bicubic, as for SigLIP 1; SigLIP 2 uses bilinear`,
  );
  return prepared(HUGGING_FACE, (path) => huggingFacePreprocessing({ size: { height: side, width: side } }, path));
}

const json = (path: string): JsonValue => parseJson(realFs.read(path), path);

/** A field of the object in a file, empty if it has none. */
function fieldOf(path: string, field: string): JsonValue {
  const file = json(path);
  return (isJsonRecord(file) ? file[field] : undefined) ?? {};
}
