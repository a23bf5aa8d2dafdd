/**
 * SentencePiece tokenizers, as SigLIP's.
 *
 *   text → cleaned (cleaning.ts) → normalized → pieces (unigram or BPE) → ids → exactly `length` ids
 *
 * SigLIP 1 (c4_en): unigram, 32,000 pieces, padded with its end. SigLIP 2 (Gemma): BPE, 256,000 pieces, bytes for unknown
 * characters, padded with <pad>. Sources: google/sentencepiece; big_vision pp/ops_text.py; transformers SiglipTokenizer.
 */
import { type SentencePieceModel, writeSentencePiece } from "../formats/index.ts";
import { toBase64 } from "./base64.ts";
import { type Cleaning, cleaned, framed, WHITE_SPACE, withoutEnding } from "./cleaning.ts";
import { pieceDecoder, pieceEncoder } from "./pieces.ts";
import { requireLength, type Tokenizer, TokenizerError } from "./tokenizer.ts";

/** Options of `sentencePieceTokenizer`. */
export interface SentencePieceOptions {
  /** What happens to a text first. */
  readonly cleaning: Cleaning;
  /** The id that fills the rest of a short text. */
  readonly pad: number;
}

/** The tokenizer of a SentencePiece model. Throws `TokenizerError` if the model has no end, or for a damaged charsmap. */
export function sentencePieceTokenizer(model: SentencePieceModel, { cleaning, pad }: SentencePieceOptions): Tokenizer {
  const { pieces } = model;
  const end = pieces.findIndex(({ text, type }) => text === model.eosPiece && type === "control");
  if (end < 0) throw new TokenizerError(`sentencepiece: no control piece "${model.eosPiece}" ends a text`);
  if (!Number.isInteger(pad) || pad < 0 || pad >= pieces.length) {
    throw new TokenizerError(`sentencepiece: pad ${pad} must be an id in 0..${pieces.length - 1}`);
  }
  const idsOf = pieceEncoder(model);
  const decode = pieceDecoder(model);
  const unknownId = pieces.findIndex(({ type }) => type === "unknown");
  const isSiglip = cleaning === "siglip" || cleaning === "siglipCased";
  const marks = isSiglip ? [unknownId, end].map((id) => ({ id, text: pieces[id].text })) : [];
  const tokenize = (text: string): number[] =>
    splitAtMarks(text, marks).flatMap((part, i) =>
      typeof part === "number"
        ? [part]
        : idsOf(cleaned(isSiglip ? part.replaceAll("▁", " ") : part, cleaning), i === 0),
    );
  return {
    kind: "sentencepiece",
    vocabSize: pieces.length,
    end,
    pad,
    encode: (text, length) => framed(tokenize(text), requireLength(length), end, pad),
    decode,
    knows: (word) => tokenize(word).every((id) => pieces[id].type !== "byte" && id !== unknownId),
    toJSON: () => ({ kind: "sentencepiece", version: 1, cleaning, pad, model: toBase64(writeSentencePiece(model)) }),
  };
}

const SPACE = new RegExp(`[${WHITE_SPACE}\\x1c-\\x1f]`);
const SPACES_AFTER = new RegExp(`^[${WHITE_SPACE}\\x1c-\\x1f]+`);

/**
 * The parts of a text between literal marks, and the ids of the marks; white space beside a mark goes. The first part is always a
 * text.
 */
function splitAtMarks(text: string, marks: readonly { id: number; text: string }[]): (string | number)[] {
  if (!marks.some((mark) => text.includes(mark.text))) return [text];
  const parts: (string | number)[] = [];
  let start = 0;
  for (let at = 0; at < text.length; ) {
    const mark = marks.find((each) => text.startsWith(each.text, at));
    if (mark === undefined) {
      at++;
      continue;
    }
    parts.push(withoutEnding(text.slice(start, at), SPACE), mark.id);
    at += mark.text.length;
    start = at;
  }
  parts.push(text.slice(start));
  return parts.map((part, i) => (typeof part === "string" && i > 0 ? part.replace(SPACES_AFTER, "") : part));
}
