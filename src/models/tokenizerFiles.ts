/**
 * A tokenizer as files beside weights, for the library of a layout.
 *
 *   SentencePiece       spiece.model (SigLIP), tokenizer.model (SigLIP 2)     transformers, open_clip
 *                       sentencepiece.model                                  big_vision
 *   tokenizer.json      as it is                                             transformers, open_clip
 *   trained here        tokenizer.json
 *
 * The rule for texts stands in tokenizer_config.json, and for open_clip in its configuration. What a library does in another way
 * than the tokenizer is said in words.
 */
import { isJsonRecord, type JsonRecord, readSentencePiece } from "../formats/index.ts";
import { type Tokenizer, type TokenizerFile, writeTokenizerJson } from "../tokenizers/index.ts";
import { jsonFile } from "./fields.ts";
import type { LayoutFiles, LayoutName } from "./layout.ts";

type SentencePieceFile = Extract<TokenizerFile, { readonly kind: "sentencepiece" }>;
type HuggingFaceFile = Extract<TokenizerFile, { readonly kind: "huggingface" }>;

/** No file, nothing to say. */
export const NO_FILES: LayoutFiles = { files: new Map(), notes: [] };

const CONFIG = "tokenizer_config.json";
const JSON_FILE = "tokenizer.json";

/** The files of a tokenizer whose texts have `length` ids. */
export function tokenizerFiles(tokenizer: Tokenizer, length: number, layout: LayoutName): LayoutFiles {
  const file = tokenizer.toJSON();
  if (file.kind === "sentencepiece") return sentencePieceFiles(file, length, layout);
  if (file.kind === "huggingface") return tokenizerJsonFiles(file, length, layout);
  const unread = layout === "big-vision" ? ["tokenizer: big_vision itself reads SentencePiece models alone"] : [];
  if (file.kind === "bpe" && file.version === 2) {
    const config = { tokenizer_class: "PreTrainedTokenizerFast", ...{ pad_token: "</s>", eos_token: "</s>" } };
    return {
      files: new Map([
        [JSON_FILE, jsonFile(writeTokenizerJson(tokenizer, length))],
        [CONFIG, jsonFile({ ...config, ...lengthIn(length) })],
      ]),
      notes: unread,
    };
  }
  const kind = `of kind "${file.kind}", version ${file.version}`;
  return {
    files: new Map([[JSON_FILE, jsonFile(file)]]),
    notes: [`tokenizer: ${kind}, has no form that the library reads; ${JSON_FILE} is for siglip-ts alone`],
  };
}

const lengthIn = (length: number) => ({ model_max_length: length, padding_side: "right" });

function sentencePieceFiles(file: SentencePieceFile, length: number, layout: LayoutName): LayoutFiles {
  const bytes = new Uint8Array(Buffer.from(file.model, "base64"));
  const model = readSentencePiece(bytes, "tokenizer");
  const [pad, eos] = [model.pieces[file.pad].text, model.eosPiece];
  const isGemma = file.cleaning === "siglip2";
  const isBigVision = file.cleaning === "bigVision";
  const name = layout === "big-vision" ? "sentencepiece.model" : isGemma ? "tokenizer.model" : "spiece.model";
  const files = new Map<string, Iterable<Uint8Array>>([[name, [bytes]]]);
  if (layout === "big-vision" && isBigVision) return { files, notes: [] };
  const config = isGemma
    ? { tokenizer_class: "GemmaTokenizer" }
    : { tokenizer_class: "SiglipTokenizer", do_lower_case: file.cleaning !== "siglipCased" };
  const unknown = model.pieces.find(({ type }) => type === "unknown")?.text;
  files.set(CONFIG, jsonFile({ ...config, pad_token: pad, eos_token: eos, unk_token: unknown, ...lengthIn(length) }));
  const notes = isBigVision
    ? ["texts: SiglipTokenizer also removes punctuation, which big_vision keeps"]
    : layout === "big-vision"
      ? ["texts: big_vision itself lowers A to Z and keeps punctuation; siglip-ts follows tokenizer_config.json"]
      : [];
  return { files, notes };
}

function tokenizerJsonFiles(file: HuggingFaceFile, length: number, layout: LayoutName): LayoutFiles {
  const isGemma = file.cleaning === "siglip2";
  const pad = addedToken(file.file, file.pad);
  const config = {
    tokenizer_class: isGemma ? "Siglip2Tokenizer" : "PreTrainedTokenizerFast",
    ...(pad === undefined ? {} : { pad_token: pad }),
    ...lengthIn(length),
  };
  const notes = [
    ...(layout === "big-vision" ? ["tokenizer: big_vision itself reads SentencePiece models alone"] : []),
    ...(file.cleaning === "openClip" && layout !== "open-clip"
      ? ["texts: open_clip lowers them and removes punctuation before its tokenizer; do so yourself"]
      : []),
  ];
  return {
    files: new Map([
      [JSON_FILE, jsonFile(file.file)],
      [CONFIG, jsonFile(config)],
    ]),
    notes,
  };
}

/** The text of an added token. */
function addedToken({ added_tokens: added }: JsonRecord, id: number): string | undefined {
  const found = Array.isArray(added) ? added.find((each) => isJsonRecord(each) && each.id === id) : undefined;
  return isJsonRecord(found) && typeof found.content === "string" ? found.content : undefined;
}

/** open_clip's words for a tokenizer in its own folder: any name, and how it cleans texts before. */
export function openClipTokenizer(tokenizer: Tokenizer): object {
  const file = tokenizer.toJSON();
  const cleaning = "cleaning" in file ? file.cleaning : "none";
  const clean = cleaning === "openClip" ? "canonicalize" : cleaning === "siglip2" ? "lower" : "whitespace";
  return { hf_tokenizer_name: "in this folder", tokenizer_kwargs: { clean } };
}
