/** The model of a tokenizer.json: words to ids, by BPE or unigram. Source: huggingface/tokenizers, src/models. */
import { bytePiece, isJsonRecord, type JsonRecord, type JsonValue } from "../formats/index.ts";
import { ByteTrie } from "./byteTrie.ts";
import { malformed, requireFields, shownJson, typed, unsupported } from "./jsonFields.ts";
import { type Merged, mergePairs } from "./mergePairs.ts";
import { unigramSpans } from "./unigram.ts";

/** A model: its pieces by id, and the ids of a word. */
export interface JsonModel {
  readonly pieces: readonly string[];
  readonly unknownId: number | undefined;
  readonly hasBytes: boolean;
  idsOf(word: string): number[];
}

/** Most pieces and merges. */
const MAX = 2 ** 22;
/** Longest piece in bytes, as in SentencePiece models. */
const MAX_PIECE = 1024;

const utf8 = new TextEncoder();

/** The model of a file. Throws `FormatError`. */
export function modelFrom(value: JsonValue | undefined, file: string): JsonModel {
  const model = typed(isJsonRecord(value) ? { type: "BPE", ...value } : value, "model", file); // old files lack BPE's type
  if (model.type === "BPE") return bpeModel(model, file);
  if (model.type === "Unigram") return unigramModel(model, file);
  return unsupported(file, `model ${model.type}`);
}

/** Throws unless there is a byte piece for every byte. */
function byteIdsOf(ids: ReadonlyMap<string, number>, file: string): number[] {
  return Array.from({ length: 256 }, (_, byte) => {
    const id = ids.get(bytePiece(byte));
    return id ?? malformed(file, `byte_fallback needs the piece ${bytePiece(byte)}`);
  });
}

/** The pieces by id. Throws unless the ids are 0 to their number less one, each once. */
function piecesOf(vocab: JsonValue | undefined, file: string): string[] {
  if (!isJsonRecord(vocab)) return malformed(file, `model.vocab must be an object, found ${shownJson(vocab)}`);
  const entries = Object.entries(vocab);
  if (entries.length > MAX) malformed(file, `model.vocab has ${entries.length} pieces, at most ${MAX} are allowed`);
  const pieces: string[] = new Array(entries.length);
  for (const [piece, id] of entries) {
    if (typeof id !== "number" || !Number.isInteger(id) || id < 0 || id >= entries.length || pieces[id] !== undefined) {
      malformed(
        file,
        `model.vocab gives ${shownJson(piece)} the id ${shownJson(id)}, expected each of 0 to ${entries.length - 1} once`,
      );
    }
    pieces[id as number] = piece;
  }
  return requirePieces(pieces, file);
}

function requirePieces(pieces: string[], file: string): string[] {
  const long = pieces.findIndex((piece) => piece.length > MAX_PIECE || utf8.encode(piece).length > MAX_PIECE);
  if (long >= 0) malformed(file, `piece ${long} is longer than ${MAX_PIECE} bytes`);
  return pieces;
}

const PAIR = 2 ** 22;

function bpeModel(model: JsonRecord, file: string): JsonModel {
  const none = [null, ""];
  const allowed = {
    dropout: [null, 0],
    continuing_subword_prefix: none,
    end_of_word_suffix: none,
    ignore_merges: [false],
  };
  const read = {
    unk_token: undefined,
    fuse_unk: [true, false],
    byte_fallback: [true, false],
    vocab: undefined,
    merges: undefined,
  };
  requireFields(model, { ...allowed, ...read }, "model", file);
  const pieces = piecesOf(model.vocab, file);
  const ids = new Map(pieces.map((piece, id) => [piece, id]));
  const merges = mergesOf(model.merges, ids, file);
  const unknownId = typeof model.unk_token === "string" ? ids.get(model.unk_token) : undefined;
  const byteIds = model.byte_fallback === true ? byteIdsOf(ids, file) : undefined;
  if (unknownId === undefined && byteIds === undefined) {
    malformed(file, `model.unk_token is ${shownJson(model.unk_token)}, expected a piece of the vocabulary`);
  }
  const idsOf = (word: string): number[] => {
    const start: number[] = [];
    for (const character of word) {
      const id = ids.get(character);
      if (id !== undefined) start.push(id);
      else if (byteIds) for (const byte of utf8.encode(character)) start.push(byteIds[byte]);
      else if (model.fuse_unk !== true || start.at(-1) !== unknownId) start.push(unknownId as number);
    }
    return mergePairs(start, (left, right) => merges.get(left * PAIR + right));
  };
  return { pieces, unknownId, hasBytes: byteIds !== undefined, idsOf };
}

/** The merges of pairs, `left · 2²² + right`; written as "a b" or ["a", "b"]. */
function mergesOf(value: JsonValue | undefined, ids: ReadonlyMap<string, number>, file: string): Map<number, Merged> {
  if (!Array.isArray(value)) return malformed(file, `model.merges must be an array, found ${shownJson(value)}`);
  if (value.length > MAX) malformed(file, `model.merges has ${value.length} merges, at most ${MAX} are allowed`);
  const merges = new Map<number, Merged>();
  for (const [rank, merge] of (value as readonly JsonValue[]).entries()) {
    const parts: readonly JsonValue[] =
      typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
    const [left, right] = parts;
    if (parts.length !== 2 || typeof left !== "string" || typeof right !== "string") {
      return malformed(file, `model.merges[${rank}] must be two pieces, found ${shownJson(merge)}`);
    }
    const [a, b, id] = [left, right, left + right].map(
      (piece) =>
        ids.get(piece) ?? malformed(file, `model.merges[${rank}]: ${shownJson(piece)} is not in the vocabulary`),
    );
    merges.set(a * PAIR + b, { id, rank }); // of two equal pairs the later counts, as in tokenizers
  }
  return merges;
}

function unigramModel(model: JsonRecord, file: string): JsonModel {
  requireFields(model, { unk_id: undefined, vocab: undefined, byte_fallback: [true, false] }, "model", file);
  const { vocab, unk_id: unknownId } = model;
  if (!Array.isArray(vocab) || vocab.length > MAX) {
    return malformed(file, `model.vocab must be an array of at most ${MAX} pieces with scores`);
  }
  const ids = new Map<string, number>();
  const scores = vocab.map((entry: JsonValue, id) => {
    const [piece, score]: readonly JsonValue[] = Array.isArray(entry) ? entry : [];
    if (typeof piece !== "string" || typeof score !== "number" || ids.has(piece)) {
      return malformed(file, `model.vocab[${id}] must be a new piece with its score, found ${shownJson(entry)}`);
    }
    ids.set(piece, id);
    return score;
  });
  const pieces = requirePieces([...ids.keys()], file);
  if (typeof unknownId !== "number" || pieces[unknownId] === undefined) {
    return malformed(file, `model.unk_id is ${shownJson(unknownId)}, expected an id in 0..${pieces.length - 1}`);
  }
  const byteIds = model.byte_fallback === true ? byteIdsOf(ids, file) : undefined;
  const unigram = {
    trie: new ByteTrie(pieces.map((piece, id) => [utf8.encode(piece), id] as const)),
    score: (id: number) => scores[id],
    unknownId,
    unknownScore: scores.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) - 10,
    round: (sum: number) => sum,
  };
  const idsOf = (word: string): number[] => {
    const bytes = utf8.encode(word);
    return unigramSpans(bytes, unigram).flatMap(({ id, start, end }) =>
      id === unknownId && byteIds ? Array.from(bytes.subarray(start, end), (byte) => byteIds[byte]) : [id],
    );
  };
  return { pieces, unknownId, hasBytes: byteIds !== undefined, idsOf };
}
