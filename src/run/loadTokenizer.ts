/**
 * Loads the tokenizer of a model from a folder or file: of a run, of a saved model, or of SigLIP and SigLIP 2 as Hugging Face and big_vision
 * store them.
 *
 * Each origin has its rule for texts. A folder of Hugging Face says it in tokenizer_config.json; a SentencePiece model alone is big_vision's.
 */
import { basename, dirname, join } from "node:path";
import {
  FormatError,
  isJsonRecord,
  type JsonRecord,
  parseJson,
  readSentencePiece,
  type SentencePieceModel,
} from "../formats/index.ts";
import {
  type Cleaning,
  sentencePieceTokenizer,
  type Tokenizer,
  TokenizerError,
  tokenizerFromJSON,
  tokenizerJsonTokenizer,
  tokenizerWritten,
} from "../tokenizers/index.ts";
import { type Fs, realFs } from "./fs.ts";
import { openRunToRead } from "./runModel.ts";
import { isSavedModel, savedTokenizer } from "./savedModel.ts";
import { tokenizerOf } from "./trainingState.ts";

const MODELS = ["spiece.model", "tokenizer.model", "sentencepiece.model"];
const JSON_FILE = "tokenizer.json";
const CONFIG = "tokenizer_config.json";
const SPECIAL = "special_tokens_map.json";

/**
 * The tokenizer of a folder or file; `warn` receives what a run says about damaged checkpoints.
 *
 * Throws `TokenizerError` if none is there, and `FormatError` for a malformed file or one that needs what is not supported.
 */
export function loadTokenizer(path: string, warn: (message: string) => void, fs: Fs = realFs): Tokenizer {
  if (!fs.isFolder(path)) return fromFile(path, fs);
  if (isSavedModel(path, fs)) {
    const tokenizer = savedTokenizer(path, fs);
    if (tokenizer !== undefined) return tokenizer;
    throw new TokenizerError(
      `${path} was saved without its tokenizer; save it with saveModel(folder, model, tokenizer)`,
    );
  }
  const names = fs.list(path);
  const files = isGemma(configOf(path, fs)) ? [JSON_FILE, ...MODELS] : [...MODELS, JSON_FILE];
  const name = files.find((each) => names.includes(each));
  if (name !== undefined) return fromFile(join(path, name), fs);
  if (names.includes("checkpoint")) return tokenizerOf(openRunToRead(path, warn).checkpoint);
  throw new TokenizerError(`${path} has no tokenizer: expected a run, a saved model, or ${files.join(", ")}`);
}

function fromFile(path: string, fs: Fs): Tokenizer {
  const config = configOf(dirname(path), fs);
  if (config.padding_side === "left") {
    const detail = "padding_side left is not supported: SigLIP was trained on texts padded on the right";
    throw new FormatError("TOKENIZER_UNSUPPORTED", join(dirname(path), CONFIG), 0, detail);
  }
  const bytes = fs.read(path);
  if (!path.endsWith(".json")) return fromSentencePiece(readSentencePiece(bytes, path), config);
  const file = parseJson(bytes, path);
  if (!isJsonRecord(file)) throw new FormatError("TOKENIZER_JSON", path, 0, "expected an object");
  if (file.kind !== undefined) return tokenizerFromJSON(file);
  const own = tokenizerWritten(file);
  if (own !== undefined) return own;
  const pad = padPiece(config);
  const cleaning = jsonCleaning(config, dirname(path), fs);
  return tokenizerJsonTokenizer(file, path, { cleaning, ...(pad === undefined ? {} : { pad }) });
}

/** tokenizer_config.json over special_tokens_map.json, as far as they are there. */
function configOf(folder: string, fs: Fs): JsonRecord {
  const names = fs.isFolder(folder) ? fs.list(folder) : [];
  const records = [SPECIAL, CONFIG].map((name) => (names.includes(name) ? recordOf(join(folder, name), fs) : {}));
  return Object.assign({}, ...records);
}

function recordOf(path: string, fs: Fs): JsonRecord {
  const value = parseJson(fs.read(path), path);
  if (isJsonRecord(value)) return value;
  throw new FormatError("TOKENIZER_JSON", path, 0, "expected an object");
}

/** Whether the tokenizer is Gemma's, which only SigLIP 2 uses here: its models were trained on lower case. */
const isGemma = ({ tokenizer_class: name }: JsonRecord): boolean =>
  typeof name === "string" && /^(Gemma|Siglip2)Tokenizer/.test(name);

/** The piece that fills a short text, if it is stated. */
function padPiece({ pad_token: pad }: JsonRecord): string | undefined {
  const piece = isJsonRecord(pad) ? pad.content : pad;
  return typeof piece === "string" ? piece : undefined;
}

function fromSentencePiece(model: SentencePieceModel, config: JsonRecord): Tokenizer {
  const piece = padPiece(config) ?? (model.kind === "unigram" ? model.eosPiece : "<pad>");
  const pad = model.pieces.findIndex(({ text }) => text === piece);
  if (pad < 0) throw new TokenizerError(`sentencepiece: the model has no piece "${piece}" to fill a short text with`);
  return sentencePieceTokenizer(model, { cleaning: sentencePieceCleaning(config), pad });
}

function sentencePieceCleaning(config: JsonRecord): Cleaning {
  if (isGemma(config)) return "siglip2";
  if (config.tokenizer_class === undefined) return "bigVision";
  return config.do_lower_case === false ? "siglipCased" : "siglip";
}

/** open_clip cleans the text of SigLIP 1; other tokenizers do it all. */
function jsonCleaning(config: JsonRecord, folder: string, fs: Fs): Cleaning {
  if (isGemma(config)) return "siglip2";
  const path = join(folder, "open_clip_config.json");
  if (!fs.isFolder(folder) || !fs.list(folder).includes(basename(path))) return "none";
  const { model_cfg: model } = recordOf(path, fs);
  const text = isJsonRecord(model) ? model.text_cfg : undefined;
  const options = isJsonRecord(text) ? text.tokenizer_kwargs : undefined;
  return isJsonRecord(options) && options.clean === "canonicalize" ? "openClip" : "none";
}
