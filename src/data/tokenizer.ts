/**
 * What a tokenizer is, and the simplest one: UTF-8 bytes.
 *
 *   text → words (NFKC, lower case, one space between) → ids → exactly `length` ids, the end always last
 *
 * The end is *sticky* (big_vision pp/ops_text.py): a text that is too long is cut to its first length−1 ids and the end;
 * a shorter one is padded with the end. So the last position always holds it, and a tower may pool there.
 * Id 0 is the end and the padding; the byte b is id b + 1.
 *
 * Version 1 of both tokenizers reads a text as it is encoded: "piñata" has other ids where its ñ is an n and a tilde. Version 2
 * normalises first (NFKC, as SentencePiece does), so texts that look and read alike have the same ids. A model keeps the version
 * that it learned with.
 */

export type TokenizerVersion = 1 | 2;

/** A tokenizer as JSON, stored with the model that learned with it. */
export type TokenizerFile =
  | { readonly kind: "bytes"; readonly version: TokenizerVersion }
  | {
      readonly kind: "bpe";
      readonly version: TokenizerVersion;
      readonly merges: readonly (readonly [number, number])[];
    };

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
 * NFKC. Marks are sorted on the way, which takes time quadratic in how many follow each other: after every 30 a character is
 * put in that no mark passes (Unicode Standard Annex 15, stream-safe text).
 */
const normalised = (text: string): string => text.replace(/\p{M}{30}(?=\p{M})/gu, "$&\u034f").normalize("NFKC");

/**
 * The words of a text: lower case, split at white space, typographic quotes as typewriter ones (nobody types ’ in a query).
 */
export function wordsOf(text: string, version: TokenizerVersion = 2): string[] {
  const plain = (version === 1 ? text : normalised(text))
    .toLowerCase()
    .replace(/[‘’]/g, "'")
    .replace(/[“”]/g, '"')
    .trim();
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

const bytesOfVersion = (version: TokenizerVersion): Tokenizer => ({
  kind: "bytes",
  vocabSize: BYTE_IDS,
  encode(text, length) {
    const tokens = emptyTokens(length);
    const bytes = utf8.encode(wordsOf(text, version).join(" "));
    const count = Math.min(bytes.length, length - 1);
    for (let i = 0; i < count; i++) tokens[i] = bytes[i] + 1;
    return tokens;
  },
  toJSON: () => ({ kind: "bytes", version }),
});

/** One id a byte: no file, no training, any language; texts take several times more positions than with `bpe`. */
export const byteTokenizers: Readonly<Record<TokenizerVersion, Tokenizer>> = {
  1: bytesOfVersion(1),
  2: bytesOfVersion(2),
};
/** The byte tokenizer for new models. */
export const byteTokenizer = byteTokenizers[2];

/** Is a text longer than `length` ids, the end included, so that its own end is not read? */
export const isCut = (tokenizer: Tokenizer, text: string, length: number): boolean =>
  tokenizer.encode(text, length + 1)[length - 1] !== END;

/**
 * Words beyond ASCII that a byte-pair tokenizer spells in single bytes: none of their parts was frequent where it learned,
 * as in a script that it never met. Bytes alone cannot tell.
 */
export function unknownWords(tokenizer: Tokenizer, text: string): string[] {
  if (tokenizer.vocabSize === BYTE_IDS) return [];
  return wordsOf(text).filter((word) => {
    const bytes = utf8.encode(word).length + 1; // the space before it
    return bytes > word.length + 1 && tokenizer.encode(word, bytes + 1)[bytes - 1] !== END;
  });
}

/** The tokens of several texts, one row each: [texts.length, length]. */
export function encodeAll(tokenizer: Tokenizer, texts: readonly string[], length: number): Int32Array {
  const tokens = new Int32Array(texts.length * length);
  texts.forEach((text, row) => {
    tokens.set(tokenizer.encode(text, length), row * length);
  });
  return tokens;
}
