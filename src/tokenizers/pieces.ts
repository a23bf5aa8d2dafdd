/** Text to the ids of a SentencePiece model and back, without cleaning, end and padding. */
import { bytePiece, type PieceType, type SentencePieceModel } from "../formats/index.ts";
import { ByteBuffer } from "./byteBuffer.ts";
import { ByteTrie } from "./byteTrie.ts";
import { mergePairs } from "./mergePairs.ts";
import { normalizerOf } from "./normalizer.ts";
import { characterLength, unigramSpans } from "./unigram.ts";

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** A piece of a text: its id, or the bytes of what is no piece. */
type Segment = number | Uint8Array;
type Segmenter = (bytes: Uint8Array) => Segment[];

/** The ids of a text; `isStart` as in `Normalize`. */
export function pieceEncoder(model: SentencePieceModel): (text: string, isStart: boolean) => number[] {
  const symbols = trieOf(model, ["userDefined"]);
  const normalize = normalizerOf(model.normalizer, symbols);
  const segmentsOf = model.kind === "unigram" ? unigramSegmenter(model) : bpeSegmenter(model, symbols);
  const unknownId = unknownIdOf(model);
  const ids = new Map(model.pieces.map(({ text }, id) => [text, id]));
  const byteIds = Array.from({ length: 256 }, (_, byte) => ids.get(bytePiece(byte)) as number);
  return (text, isStart) => {
    const segments = segmentsOf(normalize(utf8.encode(text), isStart));
    return segments.flatMap((segment, i) => {
      if (typeof segment === "number") return [segment];
      if (model.byteFallback) return Array.from(segment, (byte) => byteIds[byte]);
      return i > 0 && typeof segments[i - 1] !== "number" ? [] : [unknownId]; // neighbours are one unknown
    });
  };
}

const unknownIdOf = ({ pieces }: SentencePieceModel): number => pieces.findIndex(({ type }) => type === "unknown");

const trieOf = ({ pieces }: SentencePieceModel, types: readonly PieceType[]): ByteTrie =>
  new ByteTrie(
    pieces.flatMap(({ text, type }, id) => (types.includes(type) ? [[utf8.encode(text), id] as const] : [])),
  );

function unigramSegmenter(model: SentencePieceModel): Segmenter {
  const { pieces } = model;
  const normal = pieces.filter(({ type }) => type === "normal");
  const lowest = normal.reduce((least, { score }) => Math.min(least, score), Number.POSITIVE_INFINITY);
  // A symbol that is kept whole beats other pieces, the longer the more.
  const scores = pieces.map(({ text, type, score }) => (type === "userDefined" ? 0.1 * ([...text].length - 1) : score));
  const unknownId = unknownIdOf(model);
  const unigram = {
    trie: trieOf(model, ["normal", "userDefined"]),
    score: (id: number) => scores[id],
    unknownId,
    unknownScore: Math.fround(lowest - 10),
    round: Math.fround,
  };
  return (bytes) =>
    unigramSpans(bytes, unigram).map(({ id, start, end }) => (id === unknownId ? bytes.subarray(start, end) : id));
}

/** A merge exists where two neighbours together are a piece; the piece with the highest score is made first. */
function bpeSegmenter({ pieces }: SentencePieceModel, symbols: ByteTrie): Segmenter {
  const isKept = (id: number): boolean => pieces[id]?.type === "userDefined";
  const ids = new Map<string, number>();
  pieces.forEach(({ text, type }, id) => {
    if (type === "normal" || type === "userDefined") ids.set(text, id);
  });
  return (bytes) => {
    /** Characters that are no piece; their ids begin at pieces.length. */
    const unknown: string[] = [];
    const textOf = (id: number): string => (id < pieces.length ? pieces[id].text : unknown[id - pieces.length]);
    const start: number[] = [];
    for (let at = 0; at < bytes.length; ) {
      const symbol = symbols.longest(bytes, at);
      const end = symbol?.end ?? at + characterLength(bytes[at]);
      const text = fromUtf8.decode(bytes.subarray(at, end));
      start.push(symbol?.value ?? ids.get(text) ?? pieces.length + unknown.push(text) - 1);
      at = end;
    }
    const join = (left: number, right: number) => {
      if (isKept(left) || isKept(right)) return undefined;
      const id = ids.get(textOf(left) + textOf(right));
      return id === undefined ? undefined : { id, rank: -pieces[id].score };
    };
    return mergePairs(start, join).map((id) => (id < pieces.length ? id : utf8.encode(textOf(id))));
  };
}

/** The text of ids: marks vanish, the unknown is the model's sign for it, and the spaces go that normalization puts in front. */
export function pieceDecoder(model: SentencePieceModel): (ids: ArrayLike<number>) => string {
  const { pieces, normalizer, unkSurface } = model;
  const strips = normalizer.addDummyPrefix || normalizer.removeExtraWhitespaces;
  return (ids) => {
    const out = new ByteBuffer();
    let isStart = strips;
    for (const id of Array.from(ids)) {
      const { text, type } = pieces[id];
      if (type === "control") continue;
      if (type === "byte") out.push(Uint8Array.of(Number(text.slice(1, -1))));
      else {
        const hasSpace = isStart && type !== "unknown" && text.startsWith("▁");
        const shown = type === "unknown" ? unkSurface : text.slice(hasSpace ? 1 : 0).replaceAll("▁", " ");
        out.push(utf8.encode(shown));
        if (hasSpace && !normalizer.removeExtraWhitespaces) isStart = false;
      }
      isStart &&= out.bytes.length === 0;
    }
    return fromUtf8.decode(out.bytes);
  };
}
