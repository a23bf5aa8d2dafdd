/** How image files become the input of a model: as in training here, or as the library does that released weights come from. */
import {
  decodeInput,
  type PictureInput,
  type PreparedPicture,
  PreprocessError,
  type PreprocessSpec,
  preprocess,
  preprocessingBeside,
  readBytes,
} from "../data/index.ts";
import type { LayoutName } from "../models/index.ts";
import { type SigLipConfig, sidesOf } from "../siglip/index.ts";
import type { Config } from "./config.ts";
import { trims } from "./emojiData.ts";
import { formOf } from "./filesData.ts";
import { filesOnDisk } from "./filesOnDisk.ts";

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

/** The reader for weights in `folder`; `warn` says if settings are missing. Throws `PreprocessError`. */
export function picturesFor(
  folder: string,
  layout: LayoutName,
  config: SigLipConfig,
  warn: (message: string) => void,
): PictureReader {
  const found = preprocessingBeside(filesOnDisk(folder), layout, sidesOf(config.image), warn);
  return found === undefined ? trainingPictures(config, true) : preparedPictures(found.spec, config, found.file);
}
