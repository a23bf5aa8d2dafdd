/**
 * Loads the tokenizer of a model from a folder or file: of a run, of a saved model, or of SigLIP and SigLIP 2 as Hugging Face and big_vision
 * store them.
 *
 * Each origin has its rule for texts. A folder of Hugging Face says it in tokenizer_config.json; a SentencePiece model alone is big_vision's.
 */
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import {
  FormatError,
  isJsonRecord,
  type JsonRecord,
  parseJson,
  readSentencePiece,
  type SentencePieceModel,
} from "../formats/index.ts";
import { savedTokenizer } from "../models/index.ts";
import {
  type Cleaning,
  sentencePieceTokenizer,
  type Tokenizer,
  TokenizerError,
  tokenizerFromJSON,
  tokenizerJsonTokenizer,
  tokenizerWritten,
} from "../tokenizers/index.ts";
import { realFs } from "./fs.ts";
import { openRunToRead } from "./runModel.ts";
import { tokenizerOf } from "./trainingState.ts";

const MODELS = ["spiece.model", "tokenizer.model", "sentencepiece.model"];
const JSON_FILE = "tokenizer.json";
const CONFIG = "tokenizer_config.json";
const OPEN_CLIP = "open_clip_config.json";
const SPECIAL = "special_tokens_map.json";

/**
 * The tokenizer of a folder or file; `warn` receives what is doubtful: damaged checkpoints of a run, texts that are read in another way
 * than a model was trained on.
 *
 * Throws `TokenizerError` if none is there, and `FormatError` for a malformed file or one that needs what is not supported.
 */
export function loadTokenizer(path: string, warn: (message: string) => void = console.warn): Tokenizer {
  if (!isFolder(path)) return fromFile(path, warn);
  if (readdirSync(path).includes("model.json")) {
    const tokenizer = savedTokenizer(path);
    if (tokenizer !== undefined) return tokenizer;
    throw new TokenizerError(
      `${path} was saved without its tokenizer; save it with saveModel(model, folder, "siglip-ts", { tokenizer })`,
    );
  }
  const names = readdirSync(path);
  const files = isGemma(configOf(path)) ? [JSON_FILE, ...MODELS] : [...MODELS, JSON_FILE];
  const name = files.find((each) => names.includes(each));
  if (name !== undefined) return fromFile(join(path, name), warn);
  if (names.includes("checkpoint")) return tokenizerOf(openRunToRead(path, warn).checkpoint);
  throw new TokenizerError(`${path} has no tokenizer: expected a run, a saved model, or ${files.join(", ")}`);
}

function fromFile(path: string, warn: (message: string) => void): Tokenizer {
  const config = configOf(dirname(path));
  const doubt = doubtOn(path, config);
  if (doubt !== undefined) warn(`${path}: ${doubt}`);
  if (config.padding_side === "left") {
    const detail = "padding_side left is not supported: SigLIP was trained on texts padded on the right";
    throw new FormatError("TOKENIZER_UNSUPPORTED", join(dirname(path), CONFIG), 0, detail);
  }
  const bytes = realFs.read(path);
  if (!path.endsWith(".json")) return fromSentencePiece(readSentencePiece(bytes, path), config);
  const file = parseJson(bytes, path);
  if (!isJsonRecord(file)) throw new FormatError("TOKENIZER_JSON", path, 0, "expected an object");
  if (file.kind !== undefined) return tokenizerFromJSON(file);
  const own = tokenizerWritten(file);
  if (own !== undefined) return own;
  const pad = padPiece(config);
  const cleaning = jsonCleaning(config, dirname(path));
  if (cleaning === "none" && readdirSync(dirname(path)).includes(OPEN_CLIP)) {
    warn(
      `${path}: ${OPEN_CLIP} does not say "clean": "canonicalize", so texts keep case and punctuation; SigLIP was trained without`,
    );
  }
  return tokenizerJsonTokenizer(file, path, { cleaning, ...(pad === undefined ? {} : { pad }) });
}

/** Whether a path is a folder, or a link to one. */
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

/** tokenizer_config.json over special_tokens_map.json, as far as they are there. */
function configOf(folder: string): JsonRecord {
  const names = isFolder(folder) ? readdirSync(folder) : [];
  const records = [SPECIAL, CONFIG].map((name) => (names.includes(name) ? recordOf(join(folder, name)) : {}));
  return Object.assign({}, ...records);
}

function recordOf(path: string): JsonRecord {
  const value = parseJson(realFs.read(path), path);
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
function jsonCleaning(config: JsonRecord, folder: string): Cleaning {
  if (isGemma(config)) return "siglip2";
  const path = join(folder, OPEN_CLIP);
  if (!isFolder(folder) || !readdirSync(folder).includes(basename(path))) return "none";
  const { model_cfg: model } = recordOf(path);
  const text = isJsonRecord(model) ? model.text_cfg : undefined;
  const options = isJsonRecord(text) ? text.tokenizer_kwargs : undefined;
  return isJsonRecord(options) && options.clean === "canonicalize" ? "openClip" : "none";
}

/** Signs that texts are read in another way than the model was trained on, which costs accuracy and gives no error. */
function doubtOn(path: string, config: JsonRecord): string | undefined {
  if (/^SiglipTokenizer/.test(String(config.tokenizer_class)) && config.do_lower_case === false) {
    return `do_lower_case is false in ${CONFIG}, so texts keep their case; SigLIP was trained on lower case`;
  }
  const names = readdirSync(dirname(path));
  const isSentencePiece = !path.endsWith(".json");
  const isReleased = names.includes(OPEN_CLIP) || names.includes("config.json");
  if (isSentencePiece && isReleased && config.tokenizer_class === undefined) {
    return `without a ${CONFIG} that names its class, texts keep their punctuation, as in big_vision; SiglipTokenizer removes it`;
  }
  return undefined;
}

/** The length that tokenizer_config.json states for texts, if it states one. */
export function statedLength(folder: string): number | undefined {
  const { model_max_length: length } = configOf(folder);
  return typeof length === "number" && length < 1e9 ? length : undefined; // transformers writes 1e30 for none
}
