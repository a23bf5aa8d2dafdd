/**
 * How images of the user are stored once they are decoded, and how they become model input: plain data, the same on every thread.
 *
 *   ink            RGBA on white, larger than the input, from which augmented views are drawn: models that are trained here
 *   preprocessed   RGB bytes of the size of the input, as the library makes them that released weights come from
 */
import { drawView, plainView, type View } from "./augment.ts";
import { toBytes } from "./batches.ts";
import { decodeImage } from "./image.ts";
import { decodeStored, type StoredPicture } from "./pictures.ts";
import { preprocess, shaped } from "./preprocess/preprocess.ts";
import type { PreprocessSpec } from "./preprocess/spec.ts";

/** A form of stored pictures. */
export type PictureForm =
  | {
      readonly kind: "ink";
      /** Side of a stored picture. */
      readonly stored: number;
      /** Whether images are cut to their content. */
      readonly trim: boolean;
    }
  | {
      readonly kind: "preprocessed";
      /** Side of the input. */
      readonly stored: number;
      readonly spec: PreprocessSpec;
    };

/** What decoding a file to a form depends on. */
export type Decoding =
  | { readonly kind: "ink"; readonly stored: number; readonly trim: boolean }
  | { readonly kind: "preprocessed"; readonly spec: PreprocessSpec };

/** Side of the stored pictures of images of a side: as much larger as those of emoji are for 32 pixels. */
export const storedSide = (side: number): number => Math.ceil(1.5 * side);

/** Bytes of a stored picture. */
export const storedBytes = ({ kind, stored }: PictureForm): number => stored * stored * (kind === "ink" ? 4 : 3);

/** Decodes the bytes of an image file to a form; `name` is for messages. Throws `PictureError`. */
export async function storedIn(form: Decoding, bytes: Uint8Array, name: string): Promise<StoredPicture> {
  if (form.kind === "ink") return decodeStored(bytes, name, form);
  const image = await decodeImage(bytes, name);
  const { steps } = form.spec;
  const crops = steps.some(({ op }) => op === "centralCrop" || op === "cropOrPad");
  const squashes = steps.some((step) => step.op === "resize" && step.size.fit === "squash");
  const { width, height } = image;
  return {
    picture: new Uint8Array(shaped(image, steps).data),
    cutOff: crops && !squashes ? 1 - Math.min(width, height) / Math.max(width, height) : 0,
  };
}

/** Writes a stored picture as model input of a side at `out[offset]`; in ink as a view of it. */
export type DrawPicture = (picture: Uint8Array, view: View, out: Float32Array, offset: number) => void;

/** How pictures of a form become model input. */
export function drawerOf(form: Decoding, side: number): DrawPicture {
  if (form.kind === "ink") {
    return (picture, view, out, offset) => drawView(picture, form.stored, view, side, out, offset);
  }
  const grey = { data: Uint8Array.from({ length: 3 * 256 }, (_, i) => Math.floor(i / 3)), height: 1, width: 256 };
  const table = preprocess(grey, { steps: [], values: form.spec.values }).pixels; // [256, 3]
  return (picture, _view, out, offset) => {
    for (let i = 0; i < picture.length; i++) out[offset + i] = table[3 * picture[i] + (i % 3)];
  };
}

/** Bytes to look at of model input that is not in ink; undefined for ink. */
export function rgbOf(form: PictureForm): ((image: Float32Array) => Uint8Array) | undefined {
  if (form.kind === "ink") return undefined;
  const ends = new Float32Array(6); // the numbers of the bytes 0 and 255, between which all others lie evenly
  const draw = drawerOf(form, form.stored);
  draw(Uint8Array.of(0, 0, 0, 255, 255, 255), plainView, ends, 0);
  return (image) =>
    Uint8Array.from(image, (value, i) => {
      const [black, white] = [ends[i % 3], ends[3 + (i % 3)]];
      return Math.round((255 * (value - black)) / (white - black));
    });
}

/** A stored picture as bytes to look at, [side, side, 3]. */
export function bytesOf(form: PictureForm, picture: Uint8Array, side: number): Uint8Array {
  if (form.kind === "preprocessed") return Uint8Array.from(picture); // not shared
  const pixels = new Float32Array(side * side * 3);
  drawerOf(form, side)(picture, plainView, pixels, 0);
  return toBytes(pixels);
}
