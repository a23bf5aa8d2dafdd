/**
 * Captions in a file beside an image, or in a member of a WebDataset.
 *
 *   tom.txt    every line that is not empty is a caption
 *   tom.json   a text, a list of texts, or an object with one of them under "text", "caption", "captions", ...
 */
import { FormatError, isJsonRecord, type JsonValue, parseJson } from "../../formats/index.ts";

/** Keys and columns that hold captions, in order of preference. */
export const TEXT_KEYS = [
  ...["text", "caption", "texts", "captions", "title", "description", "sentence", "sentences"],
  ...["prompt", "alt", "label", "labels", "comment", "name"],
];

/** Extensions of files with captions, in order of preference. */
export const CAPTION_EXTENSIONS = ["txt", "json", "caption", "text"];

/** The captions in a file with one of these extensions, and the language that a JSON file names. Throws `FormatError`. */
export function captionsOf(
  bytes: Uint8Array,
  name: string,
): { readonly texts: readonly string[]; readonly language?: string | undefined } {
  if (!name.toLowerCase().endsWith(".json")) return { texts: linesOf(utf8(bytes, name)) };
  const value = parseJson(bytes, name);
  if (!isJsonRecord(value)) return { texts: textsOf(value, name) };
  const key = TEXT_KEYS.find((each) => each in value);
  if (key === undefined) {
    throw new FormatError("JSON_SYNTAX", name, 0, `no caption: expected one of the keys ${TEXT_KEYS.join(", ")}`);
  }
  const { language } = value;
  return { texts: textsOf(value[key], name), ...(typeof language === "string" ? { language } : {}) };
}

/** A text or a list of texts. `null` is an empty text. Throws `FormatError` for anything else, numbers too: 007 is no text there. */
export function textsOf(value: JsonValue, name: string): readonly string[] {
  if (value === null) return [""];
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((each) => typeof each === "string")) return value;
  const found = JSON.stringify(value).slice(0, 60);
  throw new FormatError("JSON_SYNTAX", name, 0, `the caption is ${found}; expected a text or a list of texts`);
}

const linesOf = (text: string): string[] => {
  const lines = text.split(/\r\n|\n|\r/).filter((line) => line.trim() !== "");
  return lines.length > 0 ? lines : [""];
};

/** Bytes as text, without a byte-order mark. Throws `FormatError` if they are not UTF-8. */
export function utf8(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FormatError("JSON_UTF8", name, 0, "it is not UTF-8; save it as UTF-8");
  }
}
