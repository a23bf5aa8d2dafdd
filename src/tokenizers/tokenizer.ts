/**
 * The tokenizer interface, and the simplest tokenizer: UTF-8 bytes.
 *
 *   text → words (NFKC, lower case, separated by one space) → ids → exactly `length` ids, the last one always the end
 *
 * The end is *sticky* (big_vision pp/ops_text.py): a text that is too long is cut to its first length−1 ids and the end; a
 * shorter one is padded with the end. So the last position always holds the end, and a tower may pool there. Id 0 is the end
 * and the padding; byte b is id b + 1.
 *
 * Version 1 of both tokenizers does not normalize: "piñata" has different ids if its ñ is encoded as n and a tilde. Version 2
 * normalizes first (NFKC, as SentencePiece does), so texts that look alike have the same ids. A model keeps the version that it
 * was trained with.
 */
import type { JsonRecord } from "../formats/index.ts";
import type { Cleaning } from "./cleaning.ts";

/** Version of a tokenizer. */
export type TokenizerVersion = 1 | 2;

/** A tokenizer as JSON, stored with its model. */
export type TokenizerFile =
  | { readonly kind: "bytes"; readonly version: TokenizerVersion }
  | {
      readonly kind: "bpe";
      readonly version: TokenizerVersion;
      readonly merges: readonly (readonly [number, number])[];
    }
  | {
      readonly kind: "sentencepiece";
      readonly version: 1;
      readonly cleaning: Cleaning;
      readonly pad: number;
      /** The SentencePiece model in base64. */
      readonly model: string;
    }
  | {
      readonly kind: "huggingface";
      readonly version: 1;
      readonly cleaning: Cleaning;
      readonly pad: number;
      /** The contents of tokenizer.json. */
      readonly file: JsonRecord;
    };

/** Encodes texts as ids. */
export interface Tokenizer {
  readonly kind: TokenizerFile["kind"];
  /** Ids are 0..vocabSize−1. */
  readonly vocabSize: number;
  /** The id after the last one of a text. */
  readonly end: number;
  /** The id that fills the rest of a short text. */
  readonly pad: number;
  /**
   * Exactly `length` ids: at most length − 1 of the text, the end, then padding. Throws `TokenizerError` for an invalid length.
   */
  encode(text: string, length: number): Int32Array;
  /** The text of ids, as far as its normalization keeps it. */
  decode(ids: ArrayLike<number>): string;
  /** Whether a word has a better encoding than single bytes or the unknown. */
  knows(word: string): boolean;
  toJSON(): TokenizerFile;
}

/** An invalid tokenizer file, vocabulary size or length. */
export class TokenizerError extends Error {
  override readonly name = "TokenizerError";
}

/** The id of the end of a text and of padding. */
export const END = 0;

/** In every tokenizer, the ids below this are the end and the 256 bytes. */
export const BYTE_IDS = 257;

/**
 * NFKC. It sorts combining marks, in time quadratic in the length of a run of marks: so after every 30 marks a character is
 * inserted that ends the run (Unicode Standard Annex 15, stream-safe text).
 */
const normalized = (text: string): string => text.replace(/\p{M}{30}(?=\p{M})/gu, "$&\u034f").normalize("NFKC");

/**
 * The words of a text: lower case, split at white space, with typographic quotes as ASCII (nobody types ’ in a query).
 */
export function wordsOf(text: string, version: TokenizerVersion = 2): string[] {
  const plain = (version === 1 ? text : normalized(text))
    .toLowerCase()
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .trim();
  return plain === "" ? [] : plain.split(/\s+/);
}

/** The length itself. Throws `TokenizerError` for an invalid one. */
export function requireLength(length: number): number {
  if (Number.isInteger(length) && length >= 1 && length <= 65536) return length;
  throw new TokenizerError(`encode: length ${length} must be an integer in 1..65536`);
}

/** An array of `length` ends. Throws `TokenizerError` for an invalid length. */
export const emptyTokens = (length: number): Int32Array => new Int32Array(requireLength(length)).fill(END);

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

const bytesOfVersion = (version: TokenizerVersion): Tokenizer => ({
  kind: "bytes",
  vocabSize: BYTE_IDS,
  end: END,
  pad: END,
  encode(text, length) {
    const tokens = emptyTokens(length);
    const bytes = utf8.encode(wordsOf(text, version).join(" "));
    const count = Math.min(bytes.length, length - 1);
    for (let i = 0; i < count; i++) tokens[i] = bytes[i] + 1;
    return tokens;
  },
  decode: (ids) =>
    fromUtf8.decode(
      Uint8Array.from(
        Array.from(ids).filter((id) => id !== END),
        (id) => id - 1,
      ),
    ),
  knows: () => true,
  toJSON: () => ({ kind: "bytes", version }),
});

/** One id per byte: no file, no training, any language; texts need several times more ids than with `bpe`. */
export const byteTokenizers: Readonly<Record<TokenizerVersion, Tokenizer>> = {
  1: bytesOfVersion(1),
  2: bytesOfVersion(2),
};
/** The byte tokenizer for new models. */
export const byteTokenizer = byteTokenizers[2];

/** Whether a text is cut: it has more than `length` ids with the end. */
export function isCut(tokenizer: Tokenizer, text: string, length: number): boolean {
  const id = tokenizer.encode(text, length + 1)[length - 1];
  return id !== tokenizer.end && id !== tokenizer.pad;
}

/**
 * Words that a tokenizer encodes as single bytes or as unknown: no part of them was frequent in its training texts, as in an
 * unknown script. Empty for a byte tokenizer.
 */
export const unknownWords = (tokenizer: Tokenizer, text: string): string[] =>
  wordsOf(text).filter((word) => !tokenizer.knows(word));

/** Encodes several texts, one row each: [texts.length, length]. */
export function encodeAll(tokenizer: Tokenizer, texts: readonly string[], length: number): Int32Array {
  const tokens = new Int32Array(texts.length * length);
  texts.forEach((text, row) => {
    tokens.set(tokenizer.encode(text, length), row * length);
  });
  return tokens;
}
