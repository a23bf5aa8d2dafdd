/**
 * What a tokenizer is, and the simplest one: UTF-8 bytes.
 *
 *   text → words (lower case, one space between) → ids → exactly `length` ids, the end always last
 *
 * The end is *sticky* (big_vision pp/ops_text.py): a text that is too long is cut to its first length−1 ids and the end;
 * a shorter one is padded with the end. So the last position always holds it, and a tower may pool there.
 * Id 0 is the end and the padding; the byte b is id b + 1.
 */

/** A tokenizer as JSON, stored with the model that learned with it. */
export type TokenizerFile =
  | { readonly kind: "bytes"; readonly version: 1 }
  | { readonly kind: "bpe"; readonly version: 1; readonly merges: readonly (readonly [number, number])[] };

export interface Tokenizer {
  readonly kind: "bytes" | "bpe";
  /** Ids are 0..vocabSize−1. */
  readonly vocabSize: number;
  /** Exactly `length` ids; the last one is always `END`. */
  encode(text: string, length: number): Int32Array;
  toJSON(): TokenizerFile;
}

/** A tokenizer file that says something else than it must, or a length that holds no text. */
export class TokenizerError extends Error {
  override readonly name = "TokenizerError";
}

/** The end of a text and the padding after it. */
export const END = 0;

/** Ids below this are the end and the 256 bytes, in every tokenizer here. */
export const BYTE_IDS = 257;

/**
 * The words of a text: lower case, split at white space, typographic quotes as typewriter ones (nobody types ’ in a query).
 */
export function wordsOf(text: string): string[] {
  const plain = text.toLowerCase().replace(/[‘’]/g, "'").replace(/[“”]/g, '"').trim();
  return plain === "" ? [] : plain.split(/\s+/);
}

/** An array of `length` ends, to write ids into the first length−1 of. */
export function emptyTokens(length: number): Int32Array {
  if (!Number.isInteger(length) || length < 1 || length > 65536) {
    throw new TokenizerError(`encode: length ${length} must be an integer in 1..65536`);
  }
  return new Int32Array(length).fill(END);
}

const utf8 = new TextEncoder();

/** One id a byte: no file, no training, any language; texts take several times more positions than with `bpe`. */
export const byteTokenizer: Tokenizer = {
  kind: "bytes",
  vocabSize: BYTE_IDS,
  encode(text, length) {
    const tokens = emptyTokens(length);
    const bytes = utf8.encode(wordsOf(text).join(" "));
    const count = Math.min(bytes.length, length - 1);
    for (let i = 0; i < count; i++) tokens[i] = bytes[i] + 1;
    return tokens;
  },
  toJSON: () => ({ kind: "bytes", version: 1 }),
};

/** The tokens of several texts, one row each: [texts.length, length]. */
export function encodeAll(tokenizer: Tokenizer, texts: readonly string[], length: number): Int32Array {
  const tokens = new Int32Array(texts.length * length);
  texts.forEach((text, row) => {
    tokens.set(tokenizer.encode(text, length), row * length);
  });
  return tokens;
}
