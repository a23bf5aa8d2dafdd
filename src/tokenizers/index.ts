/** Public API of `tokenizers`: bytes and byte pairs, SentencePiece models, and tokenizer.json of Hugging Face. */
export { trainBpe } from "./bpe.ts";
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
