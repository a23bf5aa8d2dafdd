/** Public API of `tokenizers`: bytes and byte pairs, SentencePiece models, and tokenizer.json of Hugging Face. */
export { trainBpe } from "./bpe.ts";
export type { Cleaning } from "./cleaning.ts";
export { type SentencePieceOptions, sentencePieceTokenizer } from "./sentencePiece.ts";
export {
  byteTokenizer,
  END,
  encodeAll,
  isCut,
  type Tokenizer,
  TokenizerError,
  type TokenizerFile,
  type TokenizerVersion,
  unknownWords,
  wordsOf,
} from "./tokenizer.ts";
export { tokenizerFromJSON } from "./tokenizerFile.ts";
export { type TokenizerJsonOptions, tokenizerJsonTokenizer } from "./tokenizerJson.ts";
export { tokenizerWritten, writeTokenizerJson } from "./writeTokenizerJson.ts";
