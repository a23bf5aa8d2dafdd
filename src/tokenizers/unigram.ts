/**
 * Unigram encoding: of all ways to cut a text into pieces, the one whose scores (log probabilities) have the largest sum.
 *
 *   best(0) = 0,   best(j) = max over pieces that end at j, of length m:  best(j − m) + score
 *
 * A character that is no piece by itself may also be the unknown, at 10 less than the lowest score. Of equal sums the first found wins,
 * pieces by their start, then by their length. Kudo 2018, arXiv:1804.10959; Viterbi as in google/sentencepiece, src/unigram_model.cc.
 */
import { ByteTrie } from "./byteTrie.ts";

/** What encoding needs to know of the pieces. */
export interface UnigramPieces {
  /** The pieces that a text may be cut into. */
  readonly trie: ByteTrie;
  score(id: number): number;
  readonly unknownId: number;
  readonly unknownScore: number;
  /** Rounds a sum: SentencePiece keeps sums in 32 bits, which decides ties. */
  round(sum: number): number;
}

/** A piece of the text: its id, and the bytes that it covers. */
export interface Span {
  readonly id: number;
  readonly start: number;
  readonly end: number;
}

/** The best pieces of a text in UTF-8; neighbouring unknown characters are one span. */
export function unigramSpans(bytes: Uint8Array, pieces: UnigramPieces): Span[] {
  const { trie, unknownId, unknownScore } = pieces;
  const n = bytes.length;
  const best = new Float64Array(n + 1).fill(Number.NEGATIVE_INFINITY);
  const from = new Int32Array(n + 1);
  const ids = new Int32Array(n + 1);
  const offer = (start: number, end: number, id: number, score: number): void => {
    const sum = pieces.round(score + best[start]);
    if (sum <= best[end]) return;
    best[end] = sum;
    from[end] = start;
    ids[end] = id;
  };
  best[0] = 0;
  for (let start = 0, after = 0; start < n; start = after) {
    after = start + characterLength(bytes[start]);
    let isPiece = false;
    let node = ByteTrie.ROOT;
    for (let end = start + 1; end <= n; end++) {
      node = trie.child(node, bytes[end - 1]);
      if (node < 0) break;
      const id = trie.value(node);
      if (id < 0) continue;
      offer(start, end, id, pieces.score(id));
      isPiece ||= end === after;
    }
    if (!isPiece) offer(start, after, unknownId, unknownScore);
  }
  const spans: Span[] = [];
  for (let end = n; end > 0; end = from[end]) {
    const span = { id: ids[end], start: from[end], end };
    const later = spans.at(-1);
    if (span.id === unknownId && later?.id === unknownId) spans[spans.length - 1] = { ...span, end: later.end };
    else spans.push(span);
  }
  return spans.reverse();
}

/** Bytes of the character that begins with this byte of valid UTF-8. */
export const characterLength = (byte: number): number => (byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4);
