// In its own file, without Node and packages, so that pixels can be prepared where there is neither.
import { printable } from "../formats/index.ts";

/** A picture that cannot be read or prepared; the message names the file, what was found in it and what to do. */
export class PictureError extends Error {
  override readonly name = "PictureError";
  /** The kind of file found, as in `sniff`; "damaged" for a picture, "shape" for an unsuitable one, "missing" for no file. */
  readonly kind: string;

  constructor(message: string, kind: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** A file name for a message; control characters do not reach the terminal. */
export const quoted = (name: string): string => `"${printable(name.length > 200 ? `…${name.slice(-200)}` : name)}"`;

/** An image for a message: its file, if it has one. */
export const described = ({ name }: { readonly name?: string }): string =>
  name === undefined ? "the image" : `picture ${quoted(name)}`;
