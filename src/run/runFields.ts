/** Kinds of configuration keys that only a training needs: durations, patterns of parameter paths, hashes. */
import { parseJson } from "../formats/index.ts";
import { parseDuration, pathPattern } from "../nn/index.ts";
import type { Field } from "./fields.ts";

/** `10%`, `400 steps`, `5 epochs`, `50000 examples`; a bare number counts steps. */
export const duration = (initial: string, meaning: string): Field<string> => ({
  initial,
  meaning,
  accepts: "a duration such as 10%, 400 steps, 5 epochs or 50000 examples",
  parse: (text) => text,
  hasType: (value) => typeof value === "string",
  isAllowed: (value) => parseDuration(value) !== undefined,
});

/** Multiplies learning rate and decay of the parameters whose whole path matches; the first match applies. */
export interface Multiplier {
  readonly match: string;
  readonly lr: number;
  readonly decay: number;
}

/** A list of multipliers. */
export const multipliers = (initial: readonly Multiplier[], meaning: string): Field<readonly Multiplier[]> => ({
  initial,
  meaning,
  accepts:
    'a list such as [{"match": "image/.*", "lr": 0.1, "decay": 0}] (match: regular expression, lr and decay from 0 to 1000)',
  parse: jsonOrText,
  hasType: Array.isArray,
  isAllowed: (list) => list.every(isMultiplier),
});

/** A list of patterns of parameter paths. */
export const patterns = (meaning: string): Field<readonly string[]> => ({
  initial: [],
  meaning,
  accepts: 'a list of regular expressions such as ["image/.*"]',
  parse: jsonOrText,
  hasType: Array.isArray,
  isAllowed: (list) => list.every(isPattern),
});

/** The value of a JSON text; other text as it is, to be reported as the wrong type. */
function jsonOrText(text: string): unknown {
  try {
    return parseJson(new TextEncoder().encode(text), "setting");
  } catch {
    return text;
  }
}

function isMultiplier(item: unknown): boolean {
  const { match, lr, decay, ...others } = Object(item) as Record<string, unknown>;
  const isFactor = (value: unknown): boolean => typeof value === "number" && value >= 0 && value <= 1000;
  return isPattern(match) && isFactor(lr) && isFactor(decay) && Object.keys(others).length === 0;
}

function isPattern(value: unknown): boolean {
  if (typeof value !== "string" || value.length > 200) return false;
  try {
    pathPattern(value);
    return true;
  } catch {
    return false;
  }
}

/** A SHA-256, or none. */
export const hashOrNone = (meaning: string): Field<string> => ({
  initial: "none",
  meaning,
  accepts: "none or a SHA-256 of 64 hexadecimal digits",
  parse: (text) => text,
  hasType: (value) => typeof value === "string",
  isAllowed: (value) => /^(none|[0-9a-f]{64})$/.test(value),
});
