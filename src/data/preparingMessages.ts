/** What a preparer and its threads tell each other. */
import type { Decoding } from "./pictureForm.ts";
import type { StoredPicture } from "./pictures.ts";

/** A file to decode. */
export interface ToDecode {
  readonly how: Decoding;
  readonly bytes: Uint8Array;
  /** For messages. */
  readonly name: string;
}

/** A picture, why the file is none, or an error of the program. */
export type Answer =
  | StoredPicture
  | { readonly refused: { readonly message: string; readonly kind: string } }
  | { readonly failed: Error };
