/**
 * A tokenizer from its file and those beside it, wherever they are: on the disk (loadTokenizer.ts), or chosen in a page. Needs nothing of
 * Node.
 *
 * Each origin has its rule for texts. A folder of Hugging Face says it in tokenizer_config.json; a SentencePiece model alone is big_vision's.
 */
import type { NamedFiles } from "../data/index.ts";
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

const MODELS = ["spiece.model", "tokenizer.model", "sentencepiece.model"];
const JSON_FILE = "tokenizer.json";
const CONFIG = "tokenizer_config.json";
const OPEN_CLIP = "open_clip_config.json";
const SPECIAL = "special_tokens_map.json";

/** The names that the file of a tokenizer may have in this folder, the first one counts. */
export const tokenizerNames = (folder: NamedFiles): string[] =>
  isGemma(configOf(folder)) ? [JSON_FILE, ...MODELS] : [...MODELS, JSON_FILE];

/** The tokenizer in a file of the folder. Errors and `warn` as of `loadTokenizer`. */
export function tokenizerIn(folder: NamedFiles, name: string, warn: (message: string) => void): Tokenizer {
  const path = folder.pathOf(name);
  const config = configOf(folder);
  const doubt = doubtOn(name, folder, config);
  if (doubt !== undefined) warn(`${path}: ${doubt}`);
  if (config.padding_side === "left") {
    const detail = "padding_side left is not supported: SigLIP was trained on texts padded on the right";
    throw new FormatError("TOKENIZER_UNSUPPORTED", folder.pathOf(CONFIG), 0, detail);
  }
  const bytes = folder.read(name);
  if (!name.endsWith(".json")) return fromSentencePiece(readSentencePiece(bytes, path), config);
  const file = parseJson(bytes, path);
  if (!isJsonRecord(file)) throw new FormatError("TOKENIZER_JSON", path, 0, "expected an object");
  if (file.kind !== undefined) return tokenizerFromJSON(file);
  const own = tokenizerWritten(file);
  if (own !== undefined) return own;
  const pad = padPiece(config);
  const cleaning = jsonCleaning(config, folder);
  if (cleaning === "none" && folder.names.has(OPEN_CLIP)) {
    warn(
      `${path}: ${OPEN_CLIP} does not say "clean": "canonicalize", so texts keep case and punctuation; SigLIP was trained without`,
    );
  }
  return tokenizerJsonTokenizer(file, path, { cleaning, ...(pad === undefined ? {} : { pad }) });
}

/** tokenizer_config.json over special_tokens_map.json, as far as they are there. */
function configOf(folder: NamedFiles): JsonRecord {
  const records = [SPECIAL, CONFIG].map((name) => (folder.names.has(name) ? recordOf(folder, name) : {}));
  return Object.assign({}, ...records);
}

function recordOf(folder: NamedFiles, name: string): JsonRecord {
  const value = parseJson(folder.read(name), folder.pathOf(name));
  if (isJsonRecord(value)) return value;
  throw new FormatError("TOKENIZER_JSON", folder.pathOf(name), 0, "expected an object");
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
function jsonCleaning(config: JsonRecord, folder: NamedFiles): Cleaning {
  if (isGemma(config)) return "siglip2";
  if (!folder.names.has(OPEN_CLIP)) return "none";
  const { model_cfg: model } = recordOf(folder, OPEN_CLIP);
  const text = isJsonRecord(model) ? model.text_cfg : undefined;
  const options = isJsonRecord(text) ? text.tokenizer_kwargs : undefined;
  return isJsonRecord(options) && options.clean === "canonicalize" ? "openClip" : "none";
}

/** Signs that texts are read in another way than the model was trained on, which costs accuracy and gives no error. */
function doubtOn(name: string, { names }: NamedFiles, config: JsonRecord): string | undefined {
  if (/^SiglipTokenizer/.test(String(config.tokenizer_class)) && config.do_lower_case === false) {
    return `do_lower_case is false in ${CONFIG}, so texts keep their case; SigLIP was trained on lower case`;
  }
  const isReleased = names.has(OPEN_CLIP) || names.has("config.json");
  if (!name.endsWith(".json") && isReleased && config.tokenizer_class === undefined) {
    return `without a ${CONFIG} that names its class, texts keep their punctuation, as in big_vision; SiglipTokenizer removes it`;
  }
  return undefined;
}

/** The length that tokenizer_config.json states for texts, if it states one. */
export function lengthIn(folder: NamedFiles): number | undefined {
  const { model_max_length: length } = configOf(folder);
  return typeof length === "number" && length < 1e9 ? length : undefined; // transformers writes 1e30 for none
}
