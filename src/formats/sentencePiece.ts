/**
 * SentencePiece models (`spiece.model`, `tokenizer.model`): the Protocol Buffers message ModelProto.
 *
 *   1 pieces, each {1 piece, 2 score, 3 type}      2 trainer_spec {3 model_type, 24 treat_whitespace_as_suffix, 35 byte_fallback,
 *   3 normalizer_spec {2 precompiled_charsmap,       44 unk_surface, 47 eos_piece, ...}
 *     3 add_dummy_prefix, 4 remove_extra_whitespaces,      4 self_test_data    5 denormalizer_spec
 *     5 escape_whitespaces, ...}
 *
 * The settings of training and the self-test are skipped; what would change the ids and is not supported is refused.
 * Source: google/sentencepiece, src/sentencepiece_model.proto.
 */
import { FormatError, quote } from "./formatError.ts";
import { ProtobufReader, ProtobufWriter } from "./protobuf.ts";

/** Types of pieces by their number in the file, from 1. `unused` (5) occurs only in vocabularies restricted at run time. */
const TYPES = ["normal", "unknown", "control", "userDefined", "unused", "byte"] as const;

/** What a piece is: text, the unknown, a mark such as the end, a symbol kept whole, or a byte. */
export type PieceType = Exclude<(typeof TYPES)[number], "unused">;

/** A piece; its id is its index. */
export interface Piece {
  /** With "▁" for a space. */
  readonly text: string;
  /** Logarithm of a probability in a unigram model, minus the rank of a merge in a BPE model. */
  readonly score: number;
  readonly type: PieceType;
}

/** How SentencePiece normalizes a text. */
export interface NormalizerSpec {
  /** Replacements of characters, a double-array trie; empty for none. */
  readonly charsmap: Uint8Array;
  /** Whether a text begins with a space. */
  readonly addDummyPrefix: boolean;
  /** Whether outer spaces are removed and runs of spaces become one. */
  readonly removeExtraWhitespaces: boolean;
  /** Whether spaces become "▁". */
  readonly escapeWhitespaces: boolean;
}

/** A SentencePiece model as it is stored. */
export interface SentencePieceModel {
  readonly kind: "unigram" | "bpe";
  readonly pieces: readonly Piece[];
  /** Whether characters without a piece become bytes. */
  readonly byteFallback: boolean;
  /** The piece that ends a text. */
  readonly eosPiece: string;
  /** What an unknown piece decodes to. */
  readonly unkSurface: string;
  readonly normalizer: NormalizerSpec;
}

/** Longest piece in bytes: encoding takes time in proportion to the text times the longest piece. */
const MAX_PIECE = 1024;
/** Most pieces; the largest known vocabularies have 262,144. */
const MAX_PIECES = 2 ** 22;

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

/** The model in a file. Throws `FormatError`. */
export function readSentencePiece(bytes: Uint8Array, file: string): SentencePieceModel {
  const message = new ProtobufReader(bytes, file);
  const pieces: Piece[] = [];
  let trainer: Trainer = {};
  let normalizer: Partial<NormalizerSpec> = {};
  for (let field = message.next(); field !== undefined; field = message.next()) {
    if (field === 1) {
      if (pieces.length === MAX_PIECES) message.fail(`more than ${MAX_PIECES} pieces`, "SENTENCEPIECE");
      pieces.push(readPiece(message.message(), pieces.length));
    } else if (field === 2) trainer = readTrainer(message.message());
    else if (field === 3) normalizer = readNormalizer(message.message());
    else if (field === 5) refuseCharsmap(message.message());
    else if (field === 4 || field >= 200) message.skip();
    else message.fail(`field ${field} is not one of ModelProto (1 to 5, and from 200)`, "SENTENCEPIECE");
  }
  requireWhole(pieces, trainer.byteFallback ?? false, file);
  return {
    kind: trainer.kind ?? "unigram",
    pieces,
    byteFallback: trainer.byteFallback ?? false,
    eosPiece: trainer.eosPiece ?? "</s>",
    unkSurface: trainer.unkSurface ?? " \u2047 ",
    normalizer: {
      charsmap: normalizer.charsmap ?? new Uint8Array(0),
      addDummyPrefix: normalizer.addDummyPrefix ?? true,
      removeExtraWhitespaces: normalizer.removeExtraWhitespaces ?? true,
      escapeWhitespaces: normalizer.escapeWhitespaces ?? true,
    },
  };
}

/** The file of a model, which `readSentencePiece` and SentencePiece itself read as the same model. */
export function writeSentencePiece(model: SentencePieceModel): Uint8Array {
  const { normalizer } = model;
  const message = new ProtobufWriter();
  for (const { text, score, type } of model.pieces) {
    const piece = new ProtobufWriter().bytes(1, utf8.encode(text)).float(2, score);
    message.message(1, piece.int32(3, TYPES.indexOf(type) + 1));
  }
  const unknown = model.pieces.findIndex(({ type }) => type === "unknown");
  message.message(
    2,
    new ProtobufWriter()
      .int32(3, model.kind === "unigram" ? 1 : 2)
      .int32(4, model.pieces.length)
      .bool(35, model.byteFallback)
      .int32(40, unknown)
      .bytes(44, utf8.encode(model.unkSurface))
      .bytes(45, utf8.encode(model.pieces[unknown].text))
      .bytes(47, utf8.encode(model.eosPiece)),
  );
  message.message(
    3,
    new ProtobufWriter()
      .bytes(2, normalizer.charsmap)
      .bool(3, normalizer.addDummyPrefix)
      .bool(4, normalizer.removeExtraWhitespaces)
      .bool(5, normalizer.escapeWhitespaces),
  );
  return message.toBytes();
}

function textOf(message: ProtobufReader): string {
  const bytes = message.bytes();
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return message.fail("a text is not UTF-8", "SENTENCEPIECE");
  }
}

function readPiece(message: ProtobufReader, id: number): Piece {
  const wrong = (what: string): never => message.fail(`piece ${id} ${what}`, "SENTENCEPIECE");
  let text = "";
  let score = 0;
  let type = 1;
  for (let field = message.next(); field !== undefined; field = message.next()) {
    if (field === 1) text = textOf(message);
    else if (field === 2) score = message.float();
    else if (field === 3) type = message.int32();
    else if (field >= 200) message.skip();
    else wrong(`has field ${field}, expected 1 to 3`);
  }
  if (text === "") wrong("has no text");
  if (text.length > MAX_PIECE || utf8.encode(text).length > MAX_PIECE) wrong(`is longer than ${MAX_PIECE} bytes`);
  if (!Number.isFinite(score)) wrong(`has the score ${score}, expected a finite number`);
  const name = TYPES[type - 1];
  if (name === undefined) return wrong(`has type ${type}, expected 1 to 6`);
  if (name === "unused") {
    return message.fail(`piece ${id} is unused (type 5), which is not supported`, "TOKENIZER_UNSUPPORTED");
  }
  return { text, score, type: name };
}

interface Trainer {
  kind?: "unigram" | "bpe";
  byteFallback?: boolean;
  eosPiece?: string;
  unkSurface?: string;
}

function readTrainer(message: ProtobufReader): Trainer {
  const trainer: Trainer = {};
  for (let field = message.next(); field !== undefined; field = message.next()) {
    if (field === 3) {
      const type = message.int32();
      if (type !== 1 && type !== 2) {
        message.fail(`model_type ${type} is not supported, expected 1 (unigram) or 2 (BPE)`, "TOKENIZER_UNSUPPORTED");
      }
      trainer.kind = type === 1 ? "unigram" : "bpe";
    } else if (field === 24) {
      if (message.bool()) message.fail("treat_whitespace_as_suffix is not supported", "TOKENIZER_UNSUPPORTED");
    } else if (field === 35) trainer.byteFallback = message.bool();
    else if (field === 44) trainer.unkSurface = textOf(message);
    else if (field === 47) trainer.eosPiece = textOf(message);
    else message.skip();
  }
  return trainer;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function readNormalizer(message: ProtobufReader): Partial<NormalizerSpec> {
  const spec: Partial<Writable<NormalizerSpec>> = {};
  for (let field = message.next(); field !== undefined; field = message.next()) {
    if (field === 2)
      spec.charsmap = new Uint8Array(message.bytes()); // a copy, also of a Buffer
    else if (field === 3) spec.addDummyPrefix = message.bool();
    else if (field === 4) spec.removeExtraWhitespaces = message.bool();
    else if (field === 5) spec.escapeWhitespaces = message.bool();
    else message.skip();
  }
  return spec;
}

/** Decoding applies no replacements. */
function refuseCharsmap(message: ProtobufReader): void {
  for (let field = message.next(); field !== undefined; field = message.next()) {
    if (field !== 2) message.skip();
    else if (message.bytes().length > 0) {
      message.fail("denormalizer_spec with a precompiled_charsmap is not supported", "TOKENIZER_UNSUPPORTED");
    }
  }
}

/** Each text is one piece, one piece is the unknown, and bytes are all there or not needed. */
function requireWhole(pieces: readonly Piece[], byteFallback: boolean, file: string): void {
  const wrong = (what: string): never => {
    throw new FormatError("SENTENCEPIECE", file, 0, what);
  };
  const ids = new Map<string, number>();
  pieces.forEach(({ text }, id) => {
    if (ids.has(text)) wrong(`pieces ${ids.get(text)} and ${id} are both ${quote(text)}`);
    ids.set(text, id);
  });
  const count = (type: PieceType): number => pieces.filter((piece) => piece.type === type).length;
  if (count("unknown") !== 1) wrong(`${count("unknown")} pieces of type unknown, expected 1`);
  for (let byte = 0; byteFallback && byte < 256; byte++) {
    const id = ids.get(bytePiece(byte));
    if (id === undefined || pieces[id].type !== "byte") wrong(`byte_fallback needs the byte piece ${bytePiece(byte)}`);
  }
}

/** The piece of a byte, as in `<0x0A>`. */
export const bytePiece = (byte: number): string => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`;
