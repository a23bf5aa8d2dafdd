/**
 * Picture files of the user as model input, prepared like training pictures.
 *
 *   file → RGBA → square around the content → 48 × 48 → view on white
 *
 * For models trained on trimmed drawings, transparent borders are cut off; an opaque picture is cut to the part that differs
 * from a plain border (in JPEG and AVIF files, which cameras write, only a white one) if that part covers at least a tenth of
 * the area. All other pictures stay whole.
 */
import { drawView, plainView } from "./augment.ts";
import { decode } from "./decode.ts";
import type { Decoded } from "./decoded.ts";
import { readBytes } from "./pictureBytes.ts";
import { PictureError, quoted } from "./pictureError.ts";
import type { Crop } from "./resample.ts";
import { contentSquare, STORED, storedPicture, wholeSquare } from "./storedPicture.ts";

/** The longer side is reduced to this, or to twice the stored side, before the content is located. */
const WORKING = 256;
/** Largest difference of a channel, of 255, within a plain background. */
const PLAIN = 24;

/** Smallest share of an opaque picture that counts as a drawing on a plain background. */
const LEAST_CONTENT = 0.1;
/** Kinds that cameras write: in a photograph, a dark sky is not a background. */
const CAMERA = ["jpeg", "avif"];

const isOpaque = ({ data }: Decoded): boolean => {
  for (let i = 3; i < data.length; i += 4) if (data[i] <= PLAIN) return false;
  return true;
};

/** The square around what differs from the border, if the border has about one colour and the drawing is large enough. */
function onPlainBackground({ kind, data, width, height }: Decoded): Crop | undefined {
  const corner = CAMERA.includes(kind) ? [255, 255, 255] : data;
  const differs = (at: number): boolean => [0, 1, 2].some((c) => Math.abs(data[at + c] - corner[c]) > PLAIN);
  for (let x = 0; x < width; x++) if (differs(x * 4) || differs(((height - 1) * width + x) * 4)) return undefined;
  for (let y = 0; y < height; y++) {
    if (differs(y * width * 4) || differs((y * width + width - 1) * 4)) return undefined;
  }
  const mask = Uint8Array.from(data); // slice() of a Buffer shares its bytes
  for (let at = 0; at < data.length; at += 4) if (!differs(at)) mask[at + 3] = 0;
  const square = contentSquare(mask, width, height);
  return square !== undefined && square.side ** 2 >= LEAST_CONTENT * width * height ? square : undefined;
}

/** A picture as model input. */
export interface PreparedPicture {
  /** Model input, [side, side, 3]. */
  readonly pixels: Float32Array;
  /** Share of the area that was cut off around the content. */
  readonly cutOff: number;
}

/** Options of `readPicture` and `decodePicture`. */
export interface PreparePicture {
  /** Side of the result, in pixels; 32 by default. */
  readonly side?: number;
  /** Whether a drawing is cut to its content, as in the training data; true by default. */
  readonly trim?: boolean;
  /** Side of the stored picture that it is drawn from, as in the training data; 48 by default. */
  readonly stored?: number;
}

/** Decodes the bytes of a picture file; `name` is for messages. Throws `PictureError`. */
export async function decodePicture(
  bytes: Uint8Array,
  name: string,
  { side = 32, trim = true, stored = STORED }: PreparePicture = {},
): Promise<PreparedPicture> {
  const { picture, cutOff } = await decodeStored(bytes, name, { trim, stored });
  const pixels = new Float32Array(side * side * 3);
  drawView(picture, stored, plainView, side, pixels, 0);
  return { pixels, cutOff };
}

/** A picture in its stored form, [stored, stored, 4], premultiplied. */
export interface StoredPicture {
  readonly picture: Uint8Array;
  /** Share of the area that was cut off around the content. */
  readonly cutOff: number;
}

/** Decodes the bytes of a picture file to the stored form; `name` is for messages. Throws `PictureError`. */
export async function decodeStored(
  bytes: Uint8Array,
  name: string,
  { trim, stored }: { readonly trim: boolean; readonly stored: number },
): Promise<StoredPicture> {
  const working = Math.max(WORKING, 2 * stored);
  const decoded = await decode(bytes, name, (picture) =>
    picture.toColourspace("srgb").resize(working, working, { fit: "inside", withoutEnlargement: true }).ensureAlpha(),
  );
  const { data, width, height } = decoded;
  const whole = wholeSquare(width, height);
  const opaque = isOpaque(decoded);
  const content = opaque ? whole : contentSquare(data, width, height);
  if (content === undefined)
    throw new PictureError(
      `picture ${quoted(name)}: it is fully transparent; give a picture with visible content`,
      "transparent",
    );
  const trimmed = opaque ? (onPlainBackground(decoded) ?? whole) : content;
  const crop = trim ? trimmed : whole;
  return { picture: storedPicture(data, width, height, crop, stored), cutOff: 1 - visible(crop, width, height) };
}

/** Share of the picture's area inside a crop. */
function visible({ left, top, side }: Crop, width: number, height: number): number {
  const overlap = (from: number, size: number): number => Math.min(size, from + side) - Math.max(0, from);
  return (overlap(left, width) * overlap(top, height)) / (width * height);
}

/** Reads a picture file as model input. Throws `PictureError`. */
export const readPicture = async (file: string, options?: PreparePicture): Promise<PreparedPicture> =>
  decodePicture(await readBytes(file), file, options);
