/**
 * The error of all readers: the file, the byte, and what was expected there.
 *
 * Readers do not trust their input: they return checked data or throw this error.
 */

/** Kinds of `FormatError`. */
export type FormatCode =
  | "NOT_A_REGULAR_FILE"
  | "FILE_CHANGED"
  | "JSON_SYNTAX"
  | "JSON_UTF8"
  | "JSON_DUPLICATE_KEY"
  | "TABLE_SYNTAX"
  | "TABLE_TOO_LARGE"
  | "PARQUET"
  | "TAR_TRUNCATED"
  | "TAR_CHECKSUM"
  | "TAR_SIZE"
  | "TAR_PAX"
  | "TAR_LONGNAME"
  | "TAR_GZIP"
  | "ST_TOO_SHORT"
  | "ST_HEADER_TOO_LARGE"
  | "ST_HEADER_TRUNCATED"
  | "ST_HEADER_JSON"
  | "ST_HEADER_UTF8"
  | "ST_DUPLICATE_KEY"
  | "ST_METADATA"
  | "ST_DTYPE"
  | "ST_SHAPE"
  | "ST_SIZE_OVERFLOW"
  | "ST_SIZE_MISMATCH"
  | "ST_OFFSETS"
  | "ST_OVERLAP"
  | "ST_HOLE"
  | "ST_TRAILING"
  | "ST_DATA_TRUNCATED"
  | "ST_INDEX"
  | "ST_INDEX_PATH"
  | "ZIP_EOCD"
  | "ZIP_CENTRAL"
  | "ZIP_UNSUPPORTED"
  | "ZIP_HEADER_MISMATCH"
  | "ZIP_OVERLAP"
  | "ZIP_HOLE"
  | "ZIP_DUPLICATE"
  | "ZIP_BOMB"
  | "ZIP_DEFLATE"
  | "ZIP_SIZE_MISMATCH"
  | "ZIP_CRC"
  | "NPY_MAGIC"
  | "NPY_VERSION"
  | "NPY_HEADER_TOO_LARGE"
  | "NPY_HEADER"
  | "NPY_DTYPE"
  | "NPY_SHAPE"
  | "NPY_DATA_LENGTH"
  | "MODEL_LAYOUT"
  | "MODEL_CONFIG"
  | "MODEL_MISMATCH"
  | "CHECKPOINT_HASH"
  | "CHECKPOINT_MANIFEST"
  | "MODEL_FILE"
  | "INDEX_FILE"
  | "PROTOBUF"
  | "SENTENCEPIECE"
  | "TOKENIZER_JSON"
  | "TOKENIZER_UNSUPPORTED";

const MAX_FILE = 140;
const MAX_DETAIL = 300;

/** A file that does not follow its format. */
export class FormatError extends Error {
  override readonly name = "FormatError";
  readonly code: FormatCode;
  /** The name as given to the reader. */
  readonly file: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** What is wrong and what was expected, with control characters escaped. */
  readonly detail: string;

  constructor(code: FormatCode, file: string, offset: number, detail: string) {
    const shown = clip(printable(detail), MAX_DETAIL);
    super(`${clip(printable(file), MAX_FILE)}, byte ${offset}: ${shown} (${code})`); // at most 500 characters
    this.code = code;
    this.file = file;
    this.offset = offset;
    this.detail = shown;
  }
}

/** A name from a file for a message: quoted, escaped and shortened. */
export const quote = (name: string): string => `"${clip(printable(name.slice(0, 100)), 80)}"`;

/**
 * Escapes control, direction and surrogate characters as in `\u{1b}`: text from a file must not control the terminal. The two
 * joiners stay, because some languages and many emoji need them.
 */
export const printable = (text: string): string =>
  text.replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (c) => `\\u{${c.codePointAt(0)!.toString(16)}}`);

const clip = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, length - 3)}...` : text;
