/** Reads fields of the settings that image processors store as JSON: null stands for an absent field. */
import { isJsonRecord, type JsonRecord, type JsonValue, jsonText, printable } from "../../formats/index.ts";
import { isSide, MAX_SIDE, PreprocessError } from "./spec.ts";

/** Three numbers, for red, green and blue. */
export type Channels = readonly [number, number, number];

/** The fields of one JSON object. Each method throws `PreprocessError`, which names the file, the field and what is accepted. */
export class Settings {
  readonly #file: string;
  readonly #record: JsonRecord;

  constructor(value: JsonValue, file: string) {
    this.#file = file;
    this.#record = isJsonRecord(value) ? value : this.wrong("expected an object of settings", value);
  }

  /** The value of a field, undefined if it is absent or null. */
  get(key: string): JsonValue | undefined {
    return this.#record[key] ?? undefined;
  }

  wrong(detail: string, value?: JsonValue): never {
    const found = value === undefined ? "" : `, found ${clip(jsonText(value))}`;
    throw new PreprocessError(`${printable(this.#file)}: ${detail}${found}`);
  }

  /** Refuses fields that are neither known nor null. */
  requireKnown(known: readonly string[]): void {
    const unknown = Object.keys(this.#record).filter((key) => this.get(key) !== undefined && !known.includes(key));
    if (unknown.length === 0) return;
    const names = clip(unknown.map((key) => `"${key}"`).join(", "));
    this.wrong(`cannot follow ${names}; known fields are ${known.join(", ")}`);
  }

  boolean(key: string, fallback: boolean): boolean {
    const value = this.get(key) ?? fallback;
    return typeof value === "boolean" ? value : this.wrong(`"${key}" must be true or false`, value);
  }

  number(key: string, fallback: number): number {
    const value = this.get(key) ?? fallback;
    return typeof value === "number" ? value : this.wrong(`"${key}" must be a number`, value);
  }

  /** One of the keys of `choices`. */
  choice<T>(key: string, choices: ReadonlyMap<JsonValue, T>, fallback: T): T {
    const value = this.get(key);
    if (value === undefined) return fallback;
    const accepted = [...choices.keys()].map((each) => jsonText(each)).join(" or ");
    return choices.get(value) ?? this.wrong(`"${key}" must be ${accepted}`, value);
  }

  /** A number for each channel, or one for all. */
  channels(key: string, fallback: Channels): Channels {
    const value = this.get(key);
    if (value === undefined) return fallback;
    const all = typeof value === "number" ? [value, value, value] : value;
    if (Array.isArray(all) && all.length === 3 && all.every((each) => typeof each === "number")) {
      return all as unknown as Channels;
    }
    return this.wrong(`"${key}" must be a number or three, one for each channel`, value);
  }

  side(key: string, value: JsonValue | undefined): number {
    return isSide(value) ? value : this.wrong(`"${key}" must be an integer in 1..${MAX_SIDE}`, value);
  }

  /** Standard deviations, by which the values are divided; negative ones turn black and white round. */
  deviations(key: string, fallback: Channels): Channels {
    const all = this.channels(key, fallback);
    return all.every((each) => each !== 0) ? all : this.wrong(`"${key}" must not be 0`, all);
  }
}

const clip = (text: string): string => printable(text.length > 120 ? `${text.slice(0, 117)}...` : text);
