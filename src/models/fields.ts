/** Reads the fields of a JSON configuration, each checked: an error names the file, the field and what it may be. */
import { FormatError, isJsonRecord, type JsonRecord, type JsonValue, jsonText, parseJson } from "../formats/index.ts";
import { type ModelFolder, readJsonFile } from "./folder.ts";

/** No size of a model is larger. */
const MAX_SIZE = 2 ** 24;

/** The fields of an object in a JSON file. */
export class Fields {
  readonly file: string;
  readonly #record: JsonRecord;
  readonly #pointer: string;

  constructor(record: JsonRecord, file: string, pointer = "") {
    this.#record = record;
    this.file = file;
    this.#pointer = pointer;
  }

  /** The object in a file. */
  static ofFile(folder: ModelFolder, name: string): Fields {
    const file = folder.pathOf(name);
    const value = parseJson(readJsonFile(folder.open(name)), file);
    if (isJsonRecord(value)) return new Fields(value, file);
    throw new FormatError("MODEL_CONFIG", file, 0, "expected a JSON object");
  }

  /** The value of a field, null and missing alike. */
  #get(key: string): JsonValue | undefined {
    return this.#record[key] ?? undefined;
  }

  /** An error about a field. */
  wrong(key: string, expected: string): FormatError {
    const value = this.#get(key);
    const found = value === undefined ? "is missing" : `is ${jsonText(value).slice(0, 60)}`;
    return new FormatError("MODEL_CONFIG", this.file, 0, `${this.#pointer}/${key} ${found}, expected ${expected}`);
  }

  /** A size: an integer from 1. */
  size(key: string, fallback?: number): number {
    const value = this.#get(key) ?? fallback;
    if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= MAX_SIZE) return value;
    throw this.wrong(key, `an integer from 1 to ${MAX_SIZE}`);
  }

  /** The side of a square, or [height, width]. */
  sides(key: string, fallback: number): number | readonly [height: number, width: number] {
    const value = this.#get(key);
    if (!Array.isArray(value) || value.length !== 2) return this.size(key, fallback);
    const [height, width] = value.map((side) => {
      if (typeof side === "number" && Number.isInteger(side) && side >= 1 && side <= MAX_SIZE) return side;
      throw this.wrong(key, `integers from 1 to ${MAX_SIZE}`);
    });
    return height === width ? height : [height, width];
  }

  /** A number above 0. */
  positive(key: string, fallback: number): number {
    const value = this.#get(key) ?? fallback;
    if (typeof value === "number" && value > 0) return value;
    throw this.wrong(key, "a number above 0");
  }

  /** One of the words of `choices`, as its value there. */
  choice<T>(key: string, choices: Readonly<Record<string, T>>, fallback?: string): T {
    const value = this.#get(key) ?? fallback;
    if (typeof value === "string" && Object.hasOwn(choices, value)) return choices[value];
    throw this.wrong(key, `one of ${Object.keys(choices).join(", ")}`);
  }

  /** A text; undefined if it is missing. */
  text(key: string): string | undefined {
    const value = this.#get(key);
    if (value === undefined || typeof value === "string") return value;
    throw this.wrong(key, "a string");
  }

  /** Throws unless a field is `required`, or missing and `required` is what it then means. */
  require(key: string, required: boolean | string, fallback: boolean | string): void {
    if ((this.#get(key) ?? fallback) !== required) throw this.wrong(key, jsonText(required));
  }

  /** Whether a field is there. */
  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  /** The fields of an object in a field; of an empty one if it is missing. */
  fields(key: string): Fields {
    const value = this.#get(key) ?? Object.create(null);
    if (isJsonRecord(value)) return new Fields(value, this.file, `${this.#pointer}/${key}`);
    throw this.wrong(key, "an object");
  }
}

/** A JSON file, indented. */
export const jsonFile = (value: object): Uint8Array[] => [
  new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`),
];
