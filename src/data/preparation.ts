/** What any thread makes of the bytes of an image file: a stored picture, or the input of a model. How is plain data. */
import { decodeImage } from "./image.ts";
import { type PictureForm, storedIn } from "./pictureForm.ts";
import { decodePicture, type PreparedPicture, type PreparePicture } from "./pictures.ts";
import { preprocess } from "./preprocess/preprocess.ts";
import type { PreprocessSpec } from "./preprocess/spec.ts";

/** How an image file becomes the input of a model: as in training here (ink), or as the library that released weights come from. */
export type PictureInput =
  | ({ readonly kind: "ink" } & PreparePicture)
  | { readonly kind: "preprocessed"; readonly spec: PreprocessSpec };

/** Decodes the bytes of an image file to the input of a model; `name` is for messages. Throws `PictureError`. */
export async function decodeInput(input: PictureInput, bytes: Uint8Array, name: string): Promise<PreparedPicture> {
  if (input.kind === "ink") return decodePicture(bytes, name, input);
  return { pixels: preprocess(await decodeImage(bytes, name), input.spec).pixels, cutOff: 0 };
}

/** What is made of an image file. */
export type Preparation =
  | { readonly to: "stored"; readonly form: PictureForm }
  | { readonly to: "input"; readonly input: PictureInput };

/** An image file, and what to make of it. */
export interface ToPrepare {
  readonly bytes: Uint8Array;
  /** For messages. */
  readonly name: string;
  readonly how: Preparation;
}

/** Bytes of a stored picture, or numbers of a model input. */
export interface Prepared {
  readonly data: Uint8Array | Float32Array;
  /** Share of the area that was cut off around the content. */
  readonly cutOff: number;
}

/** Prepares an image file on this thread. Throws `PictureError`. */
export async function prepare({ bytes, name, how }: ToPrepare): Promise<Prepared> {
  if (how.to === "stored") {
    const { picture, cutOff } = await storedIn(how.form, bytes, name);
    return { data: picture, cutOff };
  }
  const { pixels, cutOff } = await decodeInput(how.input, bytes, name);
  return { data: pixels, cutOff };
}

/** What a thread answers: a prepared file, why it is none, or an error of the program. */
export type Answer =
  | { readonly prepared: Prepared }
  | { readonly refused: { readonly message: string; readonly kind: string } }
  | { readonly failed: Error };
