/** How image files become the input of a model. */
import { plainView } from "./augment.ts";
import { type Decoding, drawerOf, storedIn } from "./pictureForm.ts";
import type { PreparedPicture, StoredPicture } from "./pictures.ts";
import type { PreprocessSpec } from "./preprocess/spec.ts";
import { STORED } from "./storedPicture.ts";

/** How an image file becomes the input of a model: as in training here (ink), or as the library that released weights come from. */
export type PictureInput =
  | {
      readonly kind: "ink";
      readonly side: number;
      /** Side of the stored picture that the input is drawn from; 48 by default. */
      readonly stored?: number;
      /** Whether an image is cut to its content. */
      readonly trim: boolean;
    }
  | { readonly kind: "preprocessed"; readonly spec: PreprocessSpec };

/** Decodes a file to a stored picture, on this thread or another one. */
export type Decode = (how: Decoding, bytes: Uint8Array, name: string) => Promise<StoredPicture>;

/** Decodes the bytes of an image file to the input of a model; `name` is for messages. Throws `PictureError`. */
export async function decodeInput(
  input: PictureInput,
  bytes: Uint8Array,
  name: string,
  decode: Decode = storedIn,
): Promise<PreparedPicture> {
  const isInk = input.kind === "ink";
  const how: Decoding = isInk ? { ...input, stored: input.stored ?? STORED } : input;
  const { picture, cutOff } = await decode(how, bytes, name);
  const side = isInk ? input.side : 0; // pictures that are preprocessed have the size of the input
  const pixels = new Float32Array(isInk ? side * side * 3 : picture.length);
  drawerOf(how, side)(picture, plainView, pixels, 0);
  return { pixels, cutOff: isInk ? cutOff : 0 };
}
