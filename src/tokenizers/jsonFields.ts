/** Reading the parts of a tokenizer.json: each must have exactly the fields that are understood, and is refused by name otherwise. */
import { FormatError, isJsonRecord, type JsonRecord, type JsonValue, jsonText } from "../formats/index.ts";

/** A malformed tokenizer.json. */
export function malformed(file: string, what: string): never {
  throw new FormatError("TOKENIZER_JSON", file, 0, what);
}

/** A tokenizer.json that needs what is not supported. */
export function unsupported(file: string, what: string): never {
  throw new FormatError("TOKENIZER_UNSUPPORTED", file, 0, `${what} is not supported`);
}

/** A value for a message. */
export const shownJson = (value: JsonValue | undefined): string =>
  value === undefined ? "nothing" : jsonText(value).slice(0, 60);

/** The object with a `type` at `where`. */
export function typed(
  value: JsonValue | undefined,
  where: string,
  file: string,
): JsonRecord & { readonly type: string } {
  if (!isJsonRecord(value) || typeof value.type !== "string") {
    return malformed(file, `${where} must be an object with a type, found ${shownJson(value)}`);
  }
  return value as JsonRecord & { readonly type: string };
}

/** The parts of a Sequence, or the single part; none for null. */
export function partsOf(value: JsonValue | undefined, where: string, list: string, file: string): JsonRecord[] {
  if (value === null || value === undefined) return [];
  const part = typed(value, where, file);
  if (part.type !== "Sequence") return [part];
  const parts = part[list];
  if (!Array.isArray(parts)) return malformed(file, `${where}.${list} must be an array, found ${shownJson(parts)}`);
  return parts.map((each: JsonValue, i) => typed(each, `${where}.${list}[${i}]`, file));
}

/** Throws unless `part` has no field but `type` and these, with one of their values. */
export function requireFields(
  part: JsonRecord,
  allowed: Readonly<Record<string, readonly JsonValue[] | undefined>>,
  where: string,
  file: string,
): void {
  for (const [key, value] of Object.entries(part)) {
    if (key === "type") continue;
    if (!Object.hasOwn(allowed, key)) unsupported(file, `${where}.${key} ${shownJson(value)}`);
    const values = allowed[key];
    if (values && !values.some((each) => jsonText(each) === jsonText(value))) {
      unsupported(file, `${where}.${key} ${shownJson(value)}`);
    }
  }
}
