/**
 * How the images of a model are prepared, by the settings beside its weights.
 *
 *   layout           settings                                otherwise
 *   Hugging Face     preprocessor_config.json, or            Pillow's bicubic to a square, [−1, 1]
 *                    image_processor of processor_config.json
 *   open_clip        preprocess_cfg of its configuration     open_clip's own defaults
 *   big_vision       preprocess.txt with its string          resize(side)|value_range(-1,1)
 *   our own          preprocessor_config.json                as in training here
 */
import { isJsonRecord, type JsonValue, parseJson } from "../../formats/index.ts";
import { bigVisionPreprocessing } from "./bigVision.ts";
import { huggingFacePreprocessing } from "./huggingFace.ts";
import { openClipPreprocessing } from "./openClip.ts";
import type { PreprocessSpec } from "./spec.ts";

/** The files of a folder by name, on the disk or chosen in a page. */
export interface NamedFiles {
  readonly names: ReadonlySet<string>;
  /** The path of a file, for messages. */
  pathOf(name: string): string;
  /** All bytes of a file. */
  read(name: string): Uint8Array;
}

const HUGGING_FACE = "preprocessor_config.json";
const PROCESSOR = "processor_config.json"; // of transformers 5, with the settings of all parts
const OPEN_CLIP = "open_clip_config.json";
const BIG_VISION = "preprocess.txt";

/**
 * The preprocessing for a model whose images have these sides, and the file that says it; undefined if it is that of a training here. `warn`
 * says if settings are missing. Throws `PreprocessError`.
 */
export function preprocessingBeside(
  files: NamedFiles,
  layout: "hugging-face" | "open-clip" | "big-vision" | "siglip-ts",
  [side, width]: readonly [height: number, width: number],
  warn: (message: string) => void,
): { readonly spec: PreprocessSpec; readonly file: string } | undefined {
  const { names } = files;
  const found = (name: string, specIn: (path: string) => PreprocessSpec) => {
    const file = files.pathOf(name);
    return { spec: specIn(file), file };
  };
  const json = (name: string): JsonValue => parseJson(files.read(name), files.pathOf(name));
  const field = (name: string, key: string): JsonValue => {
    const file = json(name);
    return (isJsonRecord(file) ? file[key] : undefined) ?? {};
  };
  if (layout === "open-clip")
    return found(OPEN_CLIP, (path) => openClipPreprocessing(field(OPEN_CLIP, "preprocess_cfg"), path, [side, width]));
  if (layout === "big-vision") {
    const stated = names.has(BIG_VISION) ? new TextDecoder().decode(files.read(BIG_VISION)).trim() : undefined;
    return found(BIG_VISION, () => bigVisionPreprocessing(stated ?? `resize(${side})|value_range(-1,1)`));
  }
  if (names.has(HUGGING_FACE)) return found(HUGGING_FACE, (path) => huggingFacePreprocessing(json(HUGGING_FACE), path));
  if (layout === "siglip-ts") return undefined;
  if (names.has(PROCESSOR))
    return found(PROCESSOR, (path) => huggingFacePreprocessing(field(PROCESSOR, "image_processor"), path));
  warn(
    `${files.pathOf(HUGGING_FACE)} is missing: images are resized by Pillow's bicubic, as for SigLIP 1; SigLIP 2 uses bilinear`,
  );
  return found(HUGGING_FACE, (path) => huggingFacePreprocessing({ size: { height: side, width: side } }, path));
}
