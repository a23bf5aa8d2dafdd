/**
 * The kinds of configuration keys, and how a value reaches its key. The keys of a run: config.ts.
 *
 * A field is one key: its default, its meaning, the values that it accepts, in words and as a check, and how text is read as
 * such a value. `defaults` gives the tree of all values, `assignTree` and `assignSetting` set some of them. Nothing throws
 * here: problems are collected, so that a user sees all of them at once.
 */
import { parseJson } from "../formats/index.ts";
import type { Problem } from "./configError.ts";
import { clip, didYouMean } from "./didYouMean.ts";

/** One key. */
export interface Field<T> {
  readonly initial: T;
  /** What the key does, for people. */
  readonly meaning: string;
  /** The accepted values, for people: "an integer from 1 to 64". */
  readonly accepts: string;
  /** Reads text from the command line; text that is no such value is returned as it is. */
  parse(text: string): unknown;
  hasType(value: unknown): boolean;
  /** Whether a value of the right type is accepted. */
  isAllowed(value: T): boolean;
  /** What is wrong with one that is not, after a semicolon; may be empty. */
  hint?(value: T): string;
  /** A value as text that `parse` reads back; by default `String(value)`. */
  text?(value: T): string;
}

/** Keys under a common name. */
export interface Group {
  readonly [key: string]: Field<unknown> | Group;
}

/** The tree of values of a group. */
export type Values<G> = G extends Field<infer T> ? T : { readonly [K in keyof G]: Values<G[K]> };

// ---- kinds of fields

type Range = { readonly min: number; readonly max: number } | { readonly above: number; readonly max: number };

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const asNumber = (text: string): unknown => (NUMBER.test(text) ? Number(text) : text);
const isNumber = (value: unknown): boolean => typeof value === "number";

/** A number in [min, max], or in (above, max]. */
export const number = (initial: number, range: Range, meaning: string): Field<number> => ({
  initial,
  meaning,
  accepts:
    "min" in range
      ? `a number from ${range.min} to ${range.max}`
      : `a number above ${range.above} and at most ${range.max}`,
  parse: asNumber,
  hasType: isNumber,
  isAllowed: (value) => value <= range.max && ("min" in range ? value >= range.min : value > range.above), // NaN is not
});

/** An integer in [min, max]. */
export const integer = (initial: number, min: number, max: number, meaning: string): Field<number> => ({
  initial,
  meaning,
  accepts: `an integer from ${min} to ${max}`,
  parse: asNumber,
  hasType: Number.isInteger,
  isAllowed: (value) => value >= min && value <= max,
});

/** Any text that is not empty, such as a path. */
export const text = (initial: string, accepts: string, meaning: string): Field<string> => ({
  initial,
  meaning,
  accepts,
  parse: (value) => value,
  hasType: (value) => typeof value === "string",
  isAllowed: (value) => value !== "",
});

/** One of a few words. */
export const choice = <const T extends string>(
  initial: NoInfer<T>,
  words: readonly T[],
  meaning: string,
): Field<T> => ({
  initial,
  meaning,
  accepts: `one of ${words.join(", ")}`,
  parse: (text) => text,
  hasType: (value) => typeof value === "string",
  isAllowed: (value) => words.includes(value),
});

/** A number in [min, max] or a word. */
export function numberOr<const T extends string>(
  word: T,
  min: number,
  max: number,
  meaning: string,
): Field<number | T> {
  const isWord = (value: unknown): boolean => value === word;
  return {
    initial: word,
    meaning,
    accepts: `${word} or a number from ${min} to ${max}`,
    parse: asNumber,
    hasType: (value) => isNumber(value) || isWord(value),
    isAllowed: (value) => isWord(value) || (Number(value) >= min && Number(value) <= max),
  };
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

/** Options of `someOf`. */
interface SomeOf<T extends string> {
  /** The words for people, if there are too many to list. */
  readonly accepts?: string;
  /** Words on the command line that stand for lists. With one that stands for no word, the list may be empty. */
  readonly groups?: Readonly<Record<string, readonly T[]>>;
}

/** A list of different words out of a few; `a,b,c` on the command line. */
export function someOf<const T extends string>(
  initial: readonly NoInfer<T>[],
  words: readonly T[],
  meaning: string,
  { accepts = `a list of distinct words from ${words.join(", ")}`, groups = {} }: SomeOf<NoInfer<T>> = {},
): Field<readonly T[]> {
  const mayBeEmpty = Object.values(groups).some((group) => group.length === 0);
  const unknown = (value: readonly string[]) => value.find((word) => !(words as readonly string[]).includes(word));
  const repeated = (value: readonly string[]) => value.find((word, i) => value.indexOf(word) < i);
  return {
    initial,
    meaning,
    accepts,
    parse: (list) =>
      list
        .split(",")
        .map((word) => word.trim())
        .flatMap((word): readonly string[] => (Object.hasOwn(groups, word) ? groups[word] : [word])),
    hasType: Array.isArray,
    isAllowed: (value) =>
      (mayBeEmpty || value.length > 0) && unknown(value) === undefined && repeated(value) === undefined,
    hint(value) {
      const [other, twice] = [unknown(value), repeated(value)];
      if (other !== undefined)
        return `; ${clip(String(other))} is none of them${didYouMean(String(other), [...words, ...Object.keys(groups)])}`;
      return twice === undefined ? "" : `; ${twice} is there twice`;
    },
    text(value) {
      const list = value.join();
      return Object.entries(groups).find(([, group]) => group.join() === list)?.[0] ?? list;
    },
  };
}

/** A list of items that pass a check; JSON on the command line. */
export const jsonList = <T>(
  initial: readonly T[],
  accepts: string,
  isItem: (item: unknown) => boolean,
  meaning: string,
): Field<readonly T[]> => ({
  initial,
  meaning,
  accepts,
  parse(json) {
    try {
      return parseJson(new TextEncoder().encode(json), "list");
    } catch {
      return json; // not JSON: reported as the wrong type
    }
  },
  hasType: Array.isArray,
  isAllowed: (list) => list.every(isItem),
  text: JSON.stringify,
});

// ---- trees

type Path = readonly string[];
type Tree = Record<string, unknown>;

const isField = (node: Field<unknown> | Group): node is Field<unknown> => typeof node.isAllowed === "function";
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

/** The names of all keys and groups in a group. */
const names = (group: Group, path: Path = []): string[] =>
  Object.entries(group).flatMap(([key, node]) => {
    const name = [...path, key];
    return [name.join("."), ...(isField(node) ? [] : names(node, name))];
  });

/** All keys in a group by full name, with their fields. */
export const fieldsOf = (group: Group, path: Path = []): (readonly [key: string, field: Field<unknown>])[] =>
  Object.entries(group).flatMap(([key, node]) => {
    const name = [...path, key];
    return isField(node) ? [[name.join("."), node] as const] : fieldsOf(node, name);
  });

/** The defaults of a group. */
export function defaults<G extends Group>(group: G): Values<G> {
  const entries = Object.entries(group).map(([key, node]) => [key, isField(node) ? node.initial : defaults(node)]);
  return Object.fromEntries(entries) as Values<G>;
}

/** The field or group at a path; undefined if there is none. */
const nodeAt = (group: Group, path: Path): Field<unknown> | Group | undefined =>
  path.reduce<Field<unknown> | Group | undefined>(
    (node, key) => (node !== undefined && !isField(node) && Object.hasOwn(node, key) ? node[key] : undefined),
    group,
  );

/** The value of an existing key or group. */
export const valueAt = (values: object, path: Path): unknown =>
  path.reduce<unknown>((node, key) => (node as Tree)[key], values);

/** Sets the keys of `values` that `given` has; adds to `problems` each that cannot be set. */
export function assignTree(group: Group, values: object, given: unknown, problems: Problem[], path: Path = []): void {
  const node = nodeAt(group, path);
  if (node === undefined || isField(node) || !isTree(given)) assign(group, values, path, () => given, problems);
  else for (const [key, value] of Object.entries(given)) assignTree(group, values, value, problems, [...path, key]);
}

/** Sets a key of `values` from text such as `optim.lr=3e-4`, or adds to `problems` why it cannot be set. */
export function assignSetting(group: Group, values: object, setting: string, problems: Problem[]): void {
  const equals = setting.indexOf("=");
  if (equals <= 0) {
    const detail = `--set ${clip(setting)}: expected key=value, as in optim.lr=3e-4`;
    problems.push({ code: "CONFIG_SYNTAX", key: clip(setting), detail });
    return;
  }
  const path = setting.slice(0, equals).trim().split(".");
  assign(group, values, path, (field) => field.parse(setting.slice(equals + 1).trim()), problems);
}

function assign(
  group: Group,
  values: object,
  path: Path,
  valueFor: (field: Field<unknown>) => unknown,
  problems: Problem[],
): void {
  const key = path.join(".");
  const refuse = (code: Problem["code"], detail: string): void => void problems.push({ code, key, detail });
  const node = nodeAt(group, path);
  if (node === undefined) {
    refuse("CONFIG_UNKNOWN_KEY", `${clip(key)} is not a key${didYouMean(key, names(group))}`);
  } else if (!isField(node)) {
    const keys = Object.keys(node).map((name) => [...path, name].join("."));
    refuse("CONFIG_TYPE", `${key || "the configuration"} is a group of keys; set one of ${keys.join(", ")}`);
  } else {
    const value = valueFor(node);
    const refuseValue = (code: Problem["code"], hint = ""): void =>
      refuse(code, `${key} = ${show(value)}: expected ${node.accepts} (${node.meaning})${hint}`);
    if (!node.hasType(value)) refuseValue("CONFIG_TYPE");
    else if (!node.isAllowed(value)) refuseValue("CONFIG_RANGE", node.hint?.(value));
    else (valueAt(values, path.slice(0, -1)) as Tree)[path[path.length - 1]] = value;
  }
}

const show = (value: unknown): string =>
  clip(typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing"));
