/** What a source of captioned images gives: rows, one after the other, in the order of the source. */
import { printable } from "../../formats/index.ts";

/** Which part of the data a row belongs to. */
export type Split = "train" | "validation" | "test";

/** An image with its captions. */
export interface Row {
  /** Where the row stands, for people: "captions.csv, line 7". */
  readonly where: string;
  /** The image, for people: "cats/tom.jpg". */
  readonly name: string;
  /** Captions as they stand there; empty ones included. */
  readonly texts: readonly string[];
  /** The language of the captions, as a code such as "en", if the source names one. */
  readonly language?: string | undefined;
  /** The part that the source names. */
  readonly split?: Split | undefined;
  /** The bytes of the image file. Throws `PictureError`. */
  read(): Promise<Uint8Array>;
}

/** A row that cannot be used, and why. */
export interface BadRow {
  readonly where: string;
  readonly reason: string;
}

/** Rows, good and bad. */
export type Rows = AsyncIterable<Row | BadRow>;

/** Whether a row can be used as far as its source knows. */
export const isGood = (row: Row | BadRow): row is Row => "read" in row;

/** A source of rows. */
export interface Source {
  /** What it is, for people: "a folder with captions beside the images". */
  readonly title: string;
  /** The columns that are read, if it is a table. */
  readonly columns?: Columns | undefined;
  /** Remarks about what is left out. */
  readonly notes: readonly string[];
  rows(): Rows;
}

/** The columns of a table. */
export interface Columns {
  readonly image: string;
  readonly text: string;
  readonly language?: string | undefined;
  readonly split?: string | undefined;
}

/** Images and captions that cannot be used as training data; the message says what was found and what to do. */
export class SourceError extends Error {
  override readonly name = "SourceError";

  constructor(message: string, options?: ErrorOptions) {
    super(message.split("\n").map(printable).join("\n"), options); // it repeats names of files
  }
}

/** Names of splits as data sets use them. */
const SPLITS: Readonly<Record<string, Split>> = {
  train: "train",
  training: "train",
  validation: "validation",
  valid: "validation",
  val: "validation",
  dev: "validation",
  test: "test",
  testing: "test",
  eval: "test",
};

/** The split that a word names, if any. */
export const splitNamed = (word: string): Split | undefined => SPLITS[word.trim().toLowerCase()];

/** Files that are taken for images by their names; some kinds cannot be read, and are then named with the reason. */
export const IMAGE_NAME = /\.(png|jpe?g|jpe|jfif|webp|gif|avif|tiff?|svg|heic|heif|bmp|jxl|jp2|psd)$/i;
