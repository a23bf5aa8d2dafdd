/**
 * Strict JSON (RFC 8259), from bytes and to text.
 *
 * Stricter than `JSON.parse`: duplicate keys, numbers that no double holds (1e400, 2^53 + 1), lone surrogates and nesting beyond
 * 64 levels are errors. Objects are records without a prototype: `__proto__` and `constructor` are ordinary keys, and a missing
 * key is undefined.
 */
import { quote } from "./formatError.ts";
import { type JsonCodes, JsonReader, type JsonRecord, type JsonValue } from "./jsonReader.ts";

const CODES: JsonCodes = { syntax: "JSON_SYNTAX", utf8: "JSON_UTF8", duplicateKey: "JSON_DUPLICATE_KEY" };

/** The value of a JSON document. Throws `FormatError`. */
export function parseJson(bytes: Uint8Array, file: string): JsonValue {
  const reader = new JsonReader(bytes, file, CODES);
  const value = reader.value();
  reader.end();
  return value;
}

/** Whether a value is an object (not an array or null). */
export const isJsonRecord = (value: JsonValue | undefined): value is JsonRecord =>
  typeof value === "object" && value !== null && !isArray(value);

/** JSON that `parseJson` reads as the same value, −0 included. Throws `RangeError` for NaN, ±∞ and lone surrogates. */
export function jsonText(value: JsonValue): string {
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new RangeError(`jsonText: ${value} cannot be written as JSON`);
    return Object.is(value, -0) ? "-0" : String(value);
  }
  if (typeof value === "string") {
    if (/\p{Cs}/u.test(value)) throw new RangeError(`jsonText: ${quote(value)} holds a lone surrogate`);
    return JSON.stringify(value);
  }
  if (value === null || typeof value === "boolean") return String(value);
  if (isArray(value)) return `[${value.map(jsonText).join()}]`;
  return `{${Object.entries(value)
    .map(([key, item]) => `${jsonText(key)}:${jsonText(item)}`)
    .join()}}`;
}

/** `Array.isArray` that narrows read-only arrays. */
const isArray = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value);
