/**
 * The strict pull parser of json.ts: JSON from bytes (RFC 8259); each error names its byte in the file.
 *
 * A reader of a fixed layout (safetensors) asks for exactly what must come next, so no unwanted value is built.
 */
import { type FormatCode, FormatError, quote } from "./formatError.ts";

/** A JSON value. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonRecord;
/** A JSON object. */
export interface JsonRecord {
  readonly [key: string]: JsonValue;
}
/** Kind of a JSON value. */
export type JsonKind = "object" | "array" | "string" | "number" | "boolean" | "null";

/** The codes with which a format reports errors in its JSON. */
export interface JsonCodes {
  readonly syntax: FormatCode;
  readonly utf8: FormatCode;
  readonly duplicateKey: FormatCode;
}

const MAX_DEPTH = 64;
const MAX_NUMBER_LENGTH = 400; // 2^-1074 has 751 significant digits; nobody writes them out

// A byte order mark inside a string is an ordinary character.
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};

/** Reads one JSON document, value by value. */
export class JsonReader {
  readonly #bytes: Uint8Array;
  readonly #file: string;
  readonly #codes: JsonCodes;
  /** Offset of the bytes in the file. */
  readonly #origin: number;
  #at = 0;
  #depth = 0;

  constructor(bytes: Uint8Array, file: string, codes: JsonCodes, origin = 0) {
    this.#bytes = bytes;
    this.#file = file;
    this.#codes = codes;
    this.#origin = origin;
  }

  /** The byte of the file at which the next token begins. */
  get offset(): number {
    this.#skipSpace();
    return this.#origin + this.#at;
  }

  /** Kind of the next value. */
  kind(): JsonKind {
    this.#skipSpace();
    const byte = this.#bytes[this.#at];
    if (byte === 0x7b) return "object";
    if (byte === 0x5b) return "array";
    if (byte === QUOTE) return "string";
    if (byte === 0x2d || isDigit(byte)) return "number";
    if (byte === 0x74 || byte === 0x66) return "boolean";
    if (byte === 0x6e) return "null";
    return this.#unexpected("a value");
  }

  /** Reads a value of any kind. */
  value(): JsonValue {
    const kind = this.kind();
    if (kind === "string") return this.string();
    if (kind === "number") return this.#finite();
    if (kind === "null") return this.#word("null", null);
    if (kind === "boolean")
      return this.#bytes[this.#at] === 0x74 ? this.#word("true", true) : this.#word("false", false);
    if (kind === "array") {
      const items: JsonValue[] = [];
      this.array(() => items.push(this.value()));
      return items;
    }
    const record: Record<string, JsonValue> = Object.create(null);
    this.object((key) => {
      record[key] = this.value();
    });
    return record;
  }

  /** Reads an object: `entry` is called at each value and must read it. */
  object(entry: (key: string) => void): void {
    const seen = new Set<string>();
    this.#sequence("{", "}", () => {
      const offset = this.offset;
      const key = this.string();
      if (seen.has(key)) {
        throw new FormatError(
          this.#codes.duplicateKey,
          this.#file,
          offset,
          `key ${quote(key)} occurs twice in one object`,
        );
      }
      seen.add(key);
      this.#skipSpace();
      if (this.#bytes[this.#at] !== COLON) this.#unexpected("a colon");
      this.#at++;
      entry(key);
    });
  }

  /** Reads an array: `item` is called at each value and must read it. */
  array(item: () => void): void {
    this.#sequence("[", "]", item);
  }

  /** Reads a string. */
  string(): string {
    this.#skipSpace();
    if (this.#bytes[this.#at] !== QUOTE) this.#unexpected("a string");
    let text = "";
    let start = ++this.#at;
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte === QUOTE) break;
      if (byte === BACKSLASH) {
        text += this.#decode(start, this.#at) + this.#escape();
        start = this.#at;
      } else if (byte === undefined || byte < 0x20) {
        this.#unexpected("the end of the string");
      } else {
        this.#at++;
      }
    }
    text += this.#decode(start, this.#at);
    this.#at++;
    return text;
  }

  /** Reads a number as it is written. */
  numberText(): string {
    this.#skipSpace();
    const start = this.#at;
    let text = "";
    while (text.length <= MAX_NUMBER_LENGTH && isNumberByte(this.#bytes[this.#at])) {
      text += String.fromCharCode(this.#bytes[this.#at++]);
    }
    if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text) || text.length > MAX_NUMBER_LENGTH) {
      this.#at = start;
      this.#unexpected(`a number of at most ${MAX_NUMBER_LENGTH} characters`);
    }
    return text;
  }

  /** Throws unless only white space is left. */
  end(): void {
    this.#skipSpace();
    if (this.#at < this.#bytes.length) this.#unexpected("the end of the document");
  }

  #finite(): number {
    const offset = this.offset;
    const text = this.numberText();
    const number = Number(text);
    // A whole number written out must equal the double, or be the text that JavaScript writes for it.
    const kept = () => /[.eE]/.test(text) || String(number) === text || BigInt(text) === BigInt(number);
    if (!Number.isFinite(number)) this.#fail(`number ${text} is too large for a double`, offset);
    if (!kept()) this.#fail(`${text} is not exactly representable as a double; the nearest is ${number}`, offset);
    return number;
  }

  #sequence(open: string, close: string, item: () => void): void {
    this.#skipSpace();
    if (this.#bytes[this.#at] !== open.charCodeAt(0)) this.#unexpected(open);
    if (++this.#depth > MAX_DEPTH) this.#fail(`nested more than ${MAX_DEPTH} deep`);
    this.#at++;
    this.#skipSpace();
    if (this.#bytes[this.#at] !== close.charCodeAt(0)) {
      for (;;) {
        item();
        this.#skipSpace();
        if (this.#bytes[this.#at] === close.charCodeAt(0)) break;
        if (this.#bytes[this.#at] !== COMMA) this.#unexpected(`a comma or ${close}`);
        this.#at++;
      }
    }
    this.#at++;
    this.#depth--;
  }

  #word<T>(word: string, value: T): T {
    for (let i = 0; i < word.length; i++) {
      if (this.#bytes[this.#at + i] !== word.charCodeAt(i)) this.#unexpected(word);
    }
    this.#at += word.length;
    return value;
  }

  /** Reads an escape and returns its character. */
  #escape(): string {
    const letter = String.fromCharCode(this.#bytes[this.#at + 1] ?? 0);
    if (letter !== "u") {
      const plain = Object.hasOwn(ESCAPES, letter) ? ESCAPES[letter] : undefined;
      if (plain === undefined) return this.#unexpected("a JSON escape");
      this.#at += 2;
      return plain;
    }
    const offset = this.#origin + this.#at;
    const first = this.#hexUnit();
    if (first < 0xd800 || first > 0xdfff) return String.fromCharCode(first);
    const paired = first < 0xdc00 && this.#bytes[this.#at] === BACKSLASH && this.#bytes[this.#at + 1] === 0x75;
    const second = paired ? this.#hexUnit() : 0;
    if (second < 0xdc00 || second > 0xdfff) {
      throw new FormatError(this.#codes.utf8, this.#file, offset, "a lone surrogate");
    }
    return String.fromCharCode(first, second);
  }

  /** Reads `\u` and four hexadecimal digits. */
  #hexUnit(): number {
    const digits = String.fromCharCode(...this.#bytes.subarray(this.#at + 2, this.#at + 6));
    if (!/^[\da-f]{4}$/i.test(digits)) this.#unexpected("four hexadecimal digits");
    this.#at += 6;
    return Number.parseInt(digits, 16);
  }

  #decode(start: number, end: number): string {
    if (start === end) return "";
    try {
      return utf8.decode(this.#bytes.subarray(start, end));
    } catch {
      throw new FormatError(this.#codes.utf8, this.#file, this.#origin + start, "the string is not UTF-8");
    }
  }

  #skipSpace(): void {
    for (;;) {
      const byte = this.#bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at++;
    }
  }

  #unexpected(expected: string): never {
    const byte = this.#bytes[this.#at];
    if (byte === undefined) this.#fail(`expected ${expected}, found the end of the text`);
    if (byte >= 0x80) {
      const detail = `byte 0x${byte.toString(16)} outside a string (a byte order mark?), expected ${expected}`;
      throw new FormatError(this.#codes.utf8, this.#file, this.#origin + this.#at, detail);
    }
    return this.#fail(`expected ${expected}, found ${quote(String.fromCharCode(byte))}`);
  }

  #fail(detail: string, offset = this.#origin + this.#at): never {
    throw new FormatError(this.#codes.syntax, this.#file, offset, detail);
  }
}

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isNumberByte = (byte: number): boolean =>
  isDigit(byte) || byte === 0x2d || byte === 0x2b || byte === 0x2e || byte === 0x65 || byte === 0x45;
