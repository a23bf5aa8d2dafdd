/**
 * How an image becomes model input, as data: steps on 8-bit pixels, then a function from bytes to numbers.
 *
 * Three libraries prepared the images of the released models, each in its own way. Parsers read their settings: `bigVision.ts` the
 * preprocessing strings of big_vision, `huggingFace.ts` the preprocessor_config.json of transformers, `openClip.ts` the
 * preprocess_cfg of open_clip.
 */

/** An 8-bit image. */
export interface RgbImage {
  readonly data: Uint8Array; // [height, width, 3]
  readonly width: number;
  readonly height: number;
  /** The file, for messages. */
  readonly name?: string;
}

/** Which library's arithmetic a resize follows, to the bit. Pillow's filters always widen when they reduce (antialias). */
export type Resampling =
  | { readonly library: "pillow"; readonly method: "bilinear" | "bicubic" }
  | {
      readonly library: "tensorflow";
      readonly method: "bilinear" | "bicubic" | "area";
      readonly antialias: boolean;
    };

/** The size after a resize: given, or with the shorter or longer side given and the ratio of the sides kept. */
export type TargetSize =
  | { readonly fit: "squash"; readonly height: number; readonly width: number }
  | { readonly fit: "shortest" | "longest"; readonly side: number };

/** A change of size. */
export type PreprocessStep =
  | { readonly op: "resize"; readonly size: TargetSize; readonly resampling: Resampling }
  /** big_vision's central_crop; without a size, the largest square. An image smaller than the crop is an error. */
  | { readonly op: "centralCrop"; readonly size?: { readonly height: number; readonly width: number } }
  /** open_clip's: to a square; pixels outside the image have the byte `fill`. */
  | { readonly op: "cropOrPad"; readonly side: number; readonly fill: number };

/** From bytes to numbers, in float32. */
export type PixelValues =
  /** low + (byte − inLow) / (inHigh − inLow) · (high − low), on request clipped to low..high: big_vision's value_range. */
  | {
      readonly kind: "range";
      readonly low: number;
      readonly high: number;
      readonly inLow: number;
      readonly inHigh: number;
      readonly clip: boolean;
    }
  /** (byte · scale − mean) / std by channel: transformers' and torchvision's. */
  | {
      readonly kind: "normalize";
      readonly scale: number;
      readonly mean: readonly [number, number, number];
      readonly std: readonly [number, number, number];
    };

/** How an image becomes model input. */
export interface PreprocessSpec {
  readonly steps: readonly PreprocessStep[];
  readonly values: PixelValues;
}

/** Settings of preprocessing that cannot be followed; the message names the setting and what is accepted. */
export class PreprocessError extends Error {
  override readonly name = "PreprocessError";
}

/** The largest side that settings may ask for. */
export const MAX_SIDE = 4096;

/** Whether a number can be a side of model input. */
export const isSide = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_SIDE;

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const isNumber = (value: unknown): boolean => typeof value === "number" && Number.isFinite(value);
const areNumbers = (value: unknown): boolean => Array.isArray(value) && value.length === 3 && value.every(isNumber);

function isResampling(value: unknown): boolean {
  if (!isRecord(value)) return false;
  const methods = value.library === "pillow" ? ["bilinear", "bicubic"] : ["bilinear", "bicubic", "area"];
  const isKnown =
    value.library === "pillow" || (value.library === "tensorflow" && typeof value.antialias === "boolean");
  return isKnown && methods.includes(String(value.method));
}

function isStep(value: unknown): boolean {
  if (!isRecord(value)) return false;
  if (value.op === "cropOrPad") return isSide(value.side) && isNumber(value.fill);
  const { size } = value;
  if (value.op === "centralCrop")
    return size === undefined || (isRecord(size) && isSide(size.height) && isSide(size.width));
  if (value.op !== "resize" || !isRecord(size) || !isResampling(value.resampling)) return false;
  if (size.fit === "squash") return isSide(size.height) && isSide(size.width);
  return (size.fit === "shortest" || size.fit === "longest") && isSide(size.side);
}

function areValues(value: unknown): boolean {
  if (!isRecord(value)) return false;
  if (value.kind === "normalize") return isNumber(value.scale) && areNumbers(value.mean) && areNumbers(value.std);
  const ends = [value.low, value.high, value.inLow, value.inHigh];
  return value.kind === "range" && ends.every(isNumber) && typeof value.clip === "boolean";
}

/** Whether a value that was read from JSON is a specification. */
export const isPreprocessSpec = (value: unknown): value is PreprocessSpec =>
  isRecord(value) && Array.isArray(value.steps) && value.steps.every(isStep) && areValues(value.values);
