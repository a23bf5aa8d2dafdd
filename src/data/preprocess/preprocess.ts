/**
 * Turns an image into model input as a library does that released models were trained or used with.
 *
 *   RGB bytes → resize, crop, pad → RGB bytes → table of 256 numbers for each channel → [height, width, 3]
 */
import { described, PictureError } from "../pictureError.ts";
import { pillowResize } from "./pillow.ts";
import {
  PreprocessError,
  type PreprocessSpec,
  type PreprocessStep,
  type Resampling,
  type RgbImage,
  type TargetSize,
} from "./spec.ts";
import { roundHalfToEven, tensorflowResize } from "./tensorflow.ts";
import { valueTable } from "./values.ts";

/** An image as model input. */
export interface ModelInput {
  readonly pixels: Float32Array; // [height, width, 3]
  readonly height: number;
  readonly width: number;
}

/** The most pixels of a result, and of what a resize computes on the way to it. */
const MAX_PIXELS = 2 ** 23;

const f32 = Math.fround;

/** A model that says how its images are prepared, as `openModel` of `siglip-ts/run` gives it. */
export interface WithPreprocessing {
  readonly pictures: { readonly spec?: PreprocessSpec };
}

/**
 * Prepares an image for a model of another library, or by a specification. Throws `PictureError` if it is smaller than a crop, or so
 * long that its shape leaves no pixel of a side or too many, and `PreprocessError` for a model that was trained here: its
 * `pictures.read(file)` crops and inks what it reads.
 */
export function preprocess(image: RgbImage, by: PreprocessSpec | WithPreprocessing): ModelInput {
  const spec = "pictures" in by ? by.pictures.spec : by;
  if (spec === undefined) {
    const how = "its images are drawings on white, cropped and inked by pictures.read(file)";
    throw new PreprocessError(`preprocess: the model was trained here; ${how}`);
  }
  const { steps, values } = spec;
  const { data: bytes, ...size } = shaped(image, steps);
  const tables = [0, 1, 2].map((channel) => valueTable(values, channel));
  const pixels = new Float32Array(bytes.length);
  for (let i = 0; i < pixels.length; i += 3) {
    pixels[i] = tables[0][bytes[i]];
    pixels[i + 1] = tables[1][bytes[i + 1]];
    pixels[i + 2] = tables[2][bytes[i + 2]];
  }
  return { pixels, height: size.height, width: size.width };
}

/** An image after all steps, before its bytes become numbers. Throws `PictureError` as `preprocess` does. */
export function shaped(image: RgbImage, steps: readonly PreprocessStep[]): RgbImage {
  const { data, width, height } = image;
  if (!(width >= 1 && height >= 1) || data.length !== width * height * 3) {
    const shape = `[${height}, ${width}, 3]`;
    throw new PictureError(`${described(image)}: ${data.length} bytes are not an image ${shape}`, "damaged");
  }
  return steps.reduce(apply, image);
}

function apply(image: RgbImage, step: PreprocessStep): RgbImage {
  if (step.op === "resize") return resize(image, step.size, step.resampling);
  return step.op === "centralCrop" ? centralCrop(image, step.size) : cropOrPad(image, step.side, step.fill);
}

const refuse = (image: RgbImage, what: string): never => {
  const shape = `${image.width} × ${image.height} pixels`;
  throw new PictureError(`${described(image)}: ${shape}, ${what}`, "shape");
};

function resize(image: RgbImage, target: TargetSize, resampling: Resampling): RgbImage {
  const from = [image.height, image.width] as const;
  const [height, width] = sizeAfter(from, target, resampling.library);
  if (height < 1 || width < 1) return refuse(image, `of which a side of 0 would remain; crop it first`);
  // Pillow shortens the rows first, TensorFlow the columns.
  const between = resampling.library === "pillow" ? from[0] * width : height * from[1];
  if (Math.max(height * width, between) > MAX_PIXELS) {
    return refuse(image, `too long to be resized to ${width} × ${height}; crop it first`);
  }
  const data =
    resampling.library === "pillow"
      ? pillowResize(image.data, from, [height, width], resampling.method)
      : tensorflowResize(image.data, from, [height, width], resampling);
  return { ...image, data, height, width };
}

/** [height, width] after a resize, rounded as the library of the resize does. */
function sizeAfter(
  from: readonly [height: number, width: number],
  target: TargetSize,
  library: Resampling["library"],
): readonly [number, number] {
  if (target.fit === "squash") return [target.height, target.width];
  const { side, fit } = target;
  const fixed = fit === "shortest" ? Math.min(...from) : Math.max(...from);
  const scaled = (length: number): number => {
    if (library === "tensorflow") return roundHalfToEven(f32(length * f32(side / fixed))); // big_vision's _resize_factor
    if (length === fixed) return side;
    // torchvision's Resize truncates, open_clip's ResizeKeepRatio rounds.
    return fit === "shortest" ? Math.trunc((side * length) / fixed) : roundHalfToEven(length / (fixed / side));
  };
  return [scaled(from[0]), scaled(from[1])];
}

function centralCrop(image: RgbImage, size?: { readonly height: number; readonly width: number }): RgbImage {
  const square = Math.min(image.height, image.width);
  const { height, width } = size ?? { height: square, width: square };
  if (height > image.height || width > image.width) {
    return refuse(image, `smaller than the crop of ${width} × ${height}; resize it first`);
  }
  const offset = (length: number, part: number): number => Math.floor((length - part) / 2);
  return windowOf(image, offset(image.height, height), offset(image.width, width), height, width, 0);
}

function cropOrPad(image: RgbImage, side: number, fill: number): RgbImage {
  const offset = (length: number): number =>
    length < side ? -Math.floor((side - length) / 2) : roundHalfToEven((length - side) / 2);
  return windowOf(image, offset(image.height), offset(image.width), side, side, fill);
}

/** The part of an image that begins at (top, left); pixels outside the image are `fill`. */
function windowOf(image: RgbImage, top: number, left: number, height: number, width: number, fill: number): RgbImage {
  const data = new Uint8Array(height * width * 3).fill(fill);
  const [from, end] = [Math.max(0, left), Math.min(image.width, left + width)];
  for (let y = Math.max(0, top); y < Math.min(image.height, top + height); y++) {
    const row = image.data.subarray((y * image.width + from) * 3, (y * image.width + end) * 3);
    data.set(row, ((y - top) * width + from - left) * 3);
  }
  return { ...image, data, height, width };
}
