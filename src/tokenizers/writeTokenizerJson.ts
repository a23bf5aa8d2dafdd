/**
 * Writes a byte-pair tokenizer as tokenizer.json, which Hugging Face's `tokenizers` and `transformers` read, with the same ids.
 *
 * A byte is written as the character that GPT-2 writes for it. Three things differ there: a capital sigma at the end of a word becomes
 * σ, not ς; more than 30 combining marks in a row are normalized as one run; and a literal "</s>" in a text is the end.
 */
import { isJsonRecord, type JsonRecord, type JsonValue, jsonText } from "../formats/index.ts";
import { END, type Tokenizer, TokenizerError } from "./tokenizer.ts";
import { tokenizerFromJSON } from "./tokenizerFile.ts";

/** The white space at which words are cut: that of JavaScript's `\s`. */
const SPACES =
  "[\\t\\n\\v\\f\\r \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}\\x{feff}]+";
const END_PIECE = "</s>";

/** The character for each byte: itself if it is visible, else the next free one from U+0100. */
const BYTE_CHARACTERS: readonly string[] = (() => {
  let free = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isVisible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(isVisible ? byte : free++);
  });
})();

/** The contents of a tokenizer.json that gives `length` ids. Throws `TokenizerError` for a tokenizer that the format cannot express. */
export function writeTokenizerJson(tokenizer: Tokenizer, length: number): JsonRecord {
  const file = tokenizer.toJSON();
  if (file.kind !== "bpe" || file.version !== 2) {
    throw new TokenizerError(
      `writeTokenizerJson: a tokenizer of kind "${file.kind}", version ${file.version}; only "bpe", version 2, can be written`,
    );
  }
  const fixed = { pad_to_multiple_of: null, pad_id: END, pad_type_id: 0, pad_token: END_PIECE };
  const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
  return {
    version: "1.0",
    truncation: { direction: "Right", max_length: length, strategy: "LongestFirst", stride: 0 },
    padding: { strategy: { Fixed: length }, direction: "Right", ...fixed },
    added_tokens: [{ id: END, content: END_PIECE, ...flags }],
    normalizer: { type: "Sequence", normalizers: normalizers() },
    pre_tokenizer: { type: "Sequence", pretokenizers: preTokenizers() },
    post_processor: postProcessor(),
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
    model: modelOf(file.merges),
  };
}

function modelOf(merges: readonly (readonly [number, number])[]): JsonRecord {
  const pieces = [END_PIECE, ...BYTE_CHARACTERS];
  for (const [left, right] of merges) pieces.push(pieces[left] + pieces[right]);
  const vocab: Record<string, number> = Object.create(null);
  pieces.forEach((piece, id) => {
    if (piece in vocab) {
      const detail = `ids ${vocab[piece]} and ${id} are both "${piece}", which the format cannot express`;
      throw new TokenizerError(`writeTokenizerJson: ${detail}`);
    }
    vocab[piece] = id;
  });
  return {
    ...{ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
    ...{ fuse_unk: false, byte_fallback: false, ignore_merges: false },
    vocab,
    merges: merges.map(([left, right]) => [pieces[left], pieces[right]]),
  };
}

function postProcessor(): JsonRecord {
  const part = (sequence: string, type: number): JsonRecord[] => [
    { Sequence: { id: sequence, type_id: type } },
    { SpecialToken: { id: END_PIECE, type_id: type } },
  ];
  return {
    type: "TemplateProcessing",
    single: part("A", 0),
    pair: [...part("A", 0), ...part("B", 1)],
    special_tokens: { [END_PIECE]: { id: END_PIECE, ids: [END], tokens: [END_PIECE] } },
  };
}

/** The tokenizer that `writeTokenizerJson` wrote, or undefined if it did not write this file. */
export function tokenizerWritten(file: JsonRecord): Tokenizer | undefined {
  const { model, padding, pre_tokenizer: preTokenizer } = file;
  if (!isJsonRecord(model) || !isJsonRecord(padding) || !isJsonRecord(padding.strategy)) return undefined;
  const { vocab, merges } = model;
  const { Fixed: length } = padding.strategy;
  if (!isJsonRecord(vocab) || !Array.isArray(merges) || typeof length !== "number") return undefined;
  if (!isJsonRecord(preTokenizer) || !sameJson(preTokenizer.pretokenizers, preTokenizers())) return undefined;
  const ids = (merges as readonly JsonValue[]).map((pair) =>
    Array.isArray(pair) ? pair.map((piece: string) => vocab[piece]) : [],
  );
  const tokenizer = tokenizerFromJSON({ kind: "bpe", version: 2, merges: ids });
  return sameJson(file, writeTokenizerJson(tokenizer, length)) ? tokenizer : undefined;
}

const sameJson = (a: JsonValue | undefined, b: JsonValue): boolean => a !== undefined && jsonText(a) === jsonText(b);

/** As `wordsOf`: NFKC, lower case, typographic quotes as ASCII, words separated by one space. */
const normalizers = (): JsonRecord[] => [
  { type: "NFKC" },
  { type: "Lowercase" },
  { type: "Replace", pattern: { Regex: "[‘’]" }, content: "'" },
  { type: "Replace", pattern: { Regex: "[“”]" }, content: '"' },
  { type: "Replace", pattern: { Regex: SPACES }, content: " " },
  { type: "Replace", pattern: { Regex: "^ | $" }, content: "" },
];

const split = (regex: string): JsonRecord => ({
  type: "Split",
  pattern: { Regex: regex },
  behavior: "Isolated",
  invert: false,
});

/** As a byte-pair tokenizer cuts: words with the space before them, letters and digits apart from the rest, at most 64 bytes. */
const preTokenizers = (): JsonRecord[] => [
  { type: "Metaspace", replacement: " ", prepend_scheme: "always", split: false },
  split(" ?(?:[\\p{L}\\p{M}\\p{N}]+|[^ \\p{L}\\p{M}\\p{N}]+)"),
  { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false },
  split(".{1,64}"),
];
