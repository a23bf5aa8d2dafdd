/**
 * Byte-pair encoding within words: frequent neighbours become one id, so a small vocabulary encodes most names in few ids.
 *
 *   text → words → pieces (a run of letters and digits, or of anything else) → bytes → merges, lowest rank first
 *
 * The first piece of a word begins with a space, so a word has the same ids at any position, and no merge crosses words: the ids
 * of "a b" are those of "a" followed by those of "b". All 256 bytes are ids, so every text has an encoding. Merge k makes id
 * 257 + k of two earlier ids.
 *
 * Sennrich et al. 2016, arXiv:1508.07909; bytes as the alphabet as in GPT-2.
 */
import {
  BYTE_IDS,
  END,
  emptyTokens,
  type Tokenizer,
  TokenizerError,
  type TokenizerVersion,
  wordsOf,
} from "./tokenizer.ts";

/** Two ids that are merged into one. */
export type Merge = readonly [number, number];

/** Ids fit in 16 bits. */
const MAX_VOCAB = 65536;
/** Longer pieces are cut: merging takes time quadratic in the bytes of a piece. */
const MAX_PIECE = 64;
/** Words whose encoding is cached. */
const REMEMBERED = 16384;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const pairOf = (left: number, right: number): number => left * MAX_VOCAB + right;

/** The pieces of one word as byte ids, the first with its space. */
function piecesOf(word: string): number[][] {
  const pieces: number[][] = [];
  for (const [run] of ` ${word}`.matchAll(/ ?(?:[\p{L}\p{M}\p{N}]+|[^\p{L}\p{M}\p{N}]+)/gu)) {
    const ids = Array.from(utf8.encode(run), (byte) => byte + 1);
    for (let i = 0; i < ids.length; i += MAX_PIECE) pieces.push(ids.slice(i, i + MAX_PIECE));
  }
  return pieces;
}

/** Replaces every pair (left, right) in `ids` by `merged`, left to right. */
function mergePair(ids: readonly number[], left: number, right: number, merged: number): number[] {
  const out: number[] = [];
  for (let i = 0; i < ids.length; i++) {
    if (ids[i] === left && ids[i + 1] === right) {
      out.push(merged);
      i++;
    } else out.push(ids[i]);
  }
  return out;
}

/**
 * Learns a tokenizer with `vocabSize` ids from texts; fewer if no pair occurs twice. Ties go to lower ids. Throws
 * `TokenizerError`.
 */
export function trainBpe(texts: Iterable<string>, vocabSize: number): Tokenizer {
  if (!Number.isInteger(vocabSize) || vocabSize < BYTE_IDS || vocabSize > MAX_VOCAB) {
    throw new TokenizerError(`trainBpe: vocabSize ${vocabSize} must be an integer in ${BYTE_IDS}..${MAX_VOCAB}`);
  }
  const uses = new Map<string, number>();
  for (const text of texts) for (const word of wordsOf(text)) uses.set(word, (uses.get(word) ?? 0) + 1);
  const pieces = [...uses].flatMap(([word, count]) => piecesOf(word).map((ids) => ({ ids, count })));

  const counts = new Map<number, number>();
  /** Pieces that hold a pair or have held it. */
  const holders = new Map<number, Set<(typeof pieces)[number]>>();
  const count = (piece: (typeof pieces)[number], sign: 1 | -1) => {
    for (let i = 1; i < piece.ids.length; i++) {
      const pair = pairOf(piece.ids[i - 1], piece.ids[i]);
      counts.set(pair, (counts.get(pair) ?? 0) + sign * piece.count);
      if (!holders.has(pair)) holders.set(pair, new Set());
      holders.get(pair)!.add(piece);
    }
  };
  for (const piece of pieces) count(piece, 1);

  const merges: Merge[] = [];
  while (BYTE_IDS + merges.length < vocabSize) {
    let best = -1;
    let most = 1;
    for (const [pair, times] of counts) {
      if (times > most || (times === most && times > 1 && pair < best)) {
        best = pair;
        most = times;
      }
    }
    if (best < 0) break;
    const [left, right] = [Math.floor(best / MAX_VOCAB), best % MAX_VOCAB];
    for (const piece of holders.get(best)!) {
      count(piece, -1);
      piece.ids = mergePair(piece.ids, left, right, BYTE_IDS + merges.length);
      count(piece, 1);
    }
    merges.push([left, right]);
  }
  return bpeTokenizer(merges, 2);
}

/** The tokenizer of a list of merges, in the order in which they were learned. */
export function bpeTokenizer(merges: readonly Merge[], version: TokenizerVersion): Tokenizer {
  const rank = new Map(merges.map(([left, right], k) => [pairOf(left, right), k]));
  const encodePiece = (piece: number[]): number[] => {
    let ids = piece;
    for (;;) {
      let first = Number.POSITIVE_INFINITY;
      for (let i = 1; i < ids.length; i++) first = Math.min(first, rank.get(pairOf(ids[i - 1], ids[i])) ?? first);
      if (first === Number.POSITIVE_INFINITY) return ids;
      ids = mergePair(ids, merges[first][0], merges[first][1], BYTE_IDS + first);
    }
  };
  const known = new Map<string, readonly number[]>();
  const encodeWord = (word: string): readonly number[] => {
    const found = known.get(word);
    if (found !== undefined) return found;
    const ids = piecesOf(word).flatMap(encodePiece);
    if (known.size < REMEMBERED && word.length <= MAX_PIECE) known.set(word, ids);
    return ids;
  };
  const encode = (text: string, length: number): Int32Array => {
    const tokens = emptyTokens(length);
    let at = 0;
    for (const word of wordsOf(text, version)) {
      // A piece has at most 64 bytes and at least one id, so text beyond that is never needed.
      for (const id of encodeWord(word.slice(0, length * MAX_PIECE))) {
        if (at === length - 1) return tokens;
        tokens[at++] = id;
      }
    }
    return tokens;
  };
  const bytesOf = (id: number): number[] =>
    id < BYTE_IDS ? (id === END ? [] : [id - 1]) : merges[id - BYTE_IDS].flatMap(bytesOf);
  return {
    kind: "bpe",
    vocabSize: BYTE_IDS + merges.length,
    end: END,
    pad: END,
    encode,
    decode: (ids) => fromUtf8.decode(Uint8Array.from(Array.from(ids, bytesOf).flat())).slice(1), // without the first space
    knows(word) {
      const bytes = utf8.encode(word).length + 1; // the space before it
      return bytes === word.length + 1 || encode(word, bytes + 1)[bytes - 1] === END;
    },
    toJSON: () => ({ kind: "bpe", version, merges }),
  };
}
