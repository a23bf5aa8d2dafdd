/**
 * The parts of a schema of nested keys: default, type and allowed range of every key in one place. The keys of a run: config.ts.
 *
 * `defaults` gives the tree of defaults, `fill` checks a tree of values against the schema, `parseSetting` parses
 * `optim.lr=3e-4` as the type of its key. Nothing throws here: problems are collected, so that a user sees all of them
 * at once.
 */
import { printable } from "../formats/index.ts";

export type ProblemCode =
  | "CONFIG_SYNTAX"
  | "CONFIG_UNKNOWN_KEY"
  | "CONFIG_TYPE"
  | "CONFIG_RANGE"
  | "CONFIG_COMBINATION";

/** A problem with a key; `detail` says what to write instead. */
export interface Problem {
  readonly code: ProblemCode;
  readonly key: string;
  readonly detail: string;
}

/** One or more settings are invalid. The message has one line for each. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map((p) => `config: ${printable(p.detail)}`).join("\n"));
    this.problems = problems;
  }
}

type Fault = { readonly code: "CONFIG_TYPE" | "CONFIG_RANGE"; readonly expected: string };
type Checked<T> = { readonly value: T } | Fault;

/** One key: its default, a parser for text from the command line, and a check of its value. */
export interface Field<T> {
  readonly initial: T;
  readonly parse: (text: string) => unknown;
  readonly check: (value: unknown) => Checked<T>;
}

export interface Section {
  readonly [key: string]: Field<unknown> | Section;
}

/** The tree of values that a schema describes. */
export type Values<S> = S extends Field<infer T> ? T : { readonly [K in keyof S]: Values<S[K]> };

/** Some of the values of a tree. */
export type Partly<T> = T extends readonly unknown[] | string | number ? T : { readonly [K in keyof T]?: Partly<T[K]> };

// ---- kinds of fields

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const asNumber = (text: string): unknown => (NUMBER.test(text) ? Number(text) : text);

/** A number in [min, max], or in (above, max] where `above` is given. */
export function number(initial: number, range: { min?: number; above?: number; max: number }): Field<number> {
  const expected =
    range.above === undefined
      ? `a number from ${range.min} to ${range.max}`
      : `a number above ${range.above} and at most ${range.max}`;
  return {
    initial,
    parse: asNumber,
    check(value) {
      if (typeof value !== "number") return { code: "CONFIG_TYPE", expected };
      const inside = value <= range.max && (range.above === undefined ? value >= range.min! : value > range.above);
      return inside ? { value } : { code: "CONFIG_RANGE", expected }; // NaN is in no range
    },
  };
}

/** An integer in [min, max]. */
export function integer(initial: number, min: number, max: number): Field<number> {
  const expected = `an integer from ${min} to ${max}`;
  return {
    initial,
    parse: asNumber,
    check(value) {
      if (typeof value !== "number" || (Number.isFinite(value) && !Number.isInteger(value))) {
        return { code: "CONFIG_TYPE", expected };
      }
      return value >= min && value <= max ? { value } : { code: "CONFIG_RANGE", expected };
    },
  };
}

/** One of a few words. */
export function choice<const T extends string>(initial: NoInfer<T>, words: readonly T[]): Field<T> {
  return {
    initial,
    parse: (text) => text,
    check(value) {
      const found = words.find((word) => word === value);
      if (found !== undefined) return { value: found };
      return {
        code: typeof value === "string" ? "CONFIG_RANGE" : "CONFIG_TYPE",
        expected: `one of ${words.join(", ")}`,
      };
    },
  };
}

/** A number or one of a few words. */
export function numberOr<const T extends string>(
  initial: number | NoInfer<T>,
  range: { min: number; max: number },
  words: readonly T[],
): Field<number | T> {
  const asRange = number(0, range);
  const expected = `${words.join(", ")} or a number from ${range.min} to ${range.max}`;
  return {
    initial,
    parse: asNumber,
    check(value) {
      const found = words.find((word) => word === value);
      if (found !== undefined) return { value: found };
      const checked = asRange.check(value);
      return "value" in checked ? checked : { code: checked.code, expected };
    },
  };
}

/** A non-empty list of different words out of a few; `a,b,c` on the command line. */
export function someOf<const T extends string>(
  initial: readonly NoInfer<T>[],
  words: readonly T[],
): Field<readonly T[]> {
  const expected = `a list of distinct words from ${words.join(", ")}`;
  return {
    initial,
    parse: (text) => text.split(",").map((word) => word.trim()),
    check(value) {
      if (!Array.isArray(value)) return { code: "CONFIG_TYPE", expected };
      const found = words.filter((word) => value.includes(word));
      return found.length === value.length && found.length > 0
        ? { value: value as readonly T[] }
        : { code: "CONFIG_RANGE", expected };
    },
  };
}

// ---- trees

const isField = (node: Field<unknown> | Section): node is Field<unknown> => typeof node.check === "function";
const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

/** The defaults of a schema. */
export function defaults<S extends Section>(schema: S): Values<S> {
  const out: Record<string, unknown> = {};
  for (const [key, node] of Object.entries(schema)) out[key] = isField(node) ? node.initial : defaults(node);
  return out as Values<S>;
}

/**
 * `base` with the valid values of `given`. Every invalid one is added to `problems` and keeps the value of `base`.
 */
export function fill<S extends Section>(
  schema: S,
  base: Values<S>,
  given: unknown,
  problems: Problem[],
  path = "",
): Values<S> {
  const out: Record<string, unknown> = { ...(base as Record<string, unknown>) };
  if (!isRecord(given)) {
    const detail = `${path || "the configuration"} = ${show(given)}: expected an object with ${Object.keys(schema).join(", ")}`;
    problems.push({ code: "CONFIG_TYPE", key: path, detail });
    return out as Values<S>;
  }
  for (const [key, value] of Object.entries(given)) {
    const node = Object.hasOwn(schema, key) ? schema[key] : undefined;
    const name = join(path, key);
    if (node === undefined) {
      const keys = Object.keys(schema).map((known) => join(path, known));
      problems.push({ code: "CONFIG_UNKNOWN_KEY", key: name, detail: `${clip(name)} is not a key${hint(name, keys)}` });
    } else if (isField(node)) {
      const checked = node.check(value);
      if ("value" in checked) out[key] = checked.value;
      else
        problems.push({
          code: checked.code,
          key: name,
          detail: `${name} = ${show(value)}: expected ${checked.expected}`,
        });
    } else {
      out[key] = fill(node, out[key] as Values<typeof node>, value, problems, name);
    }
  }
  return out as Values<S>;
}

/** `optim.lr=3e-4` as a tree with this one value, in the type of its key; undefined if the text or the key is invalid. */
export function parseSetting(schema: Section, text: string, problems: Problem[]): Record<string, unknown> | undefined {
  const equals = text.indexOf("=");
  if (equals <= 0) {
    problems.push({
      code: "CONFIG_SYNTAX",
      key: clip(text),
      detail: `--set ${clip(text)}: expected key=value, as in optim.lr=3e-4`,
    });
    return undefined;
  }
  const key = text.slice(0, equals).trim();
  let node: Field<unknown> | Section | undefined = schema;
  for (const part of key.split(".")) {
    node = node !== undefined && !isField(node) && Object.hasOwn(node, part) ? node[part] : undefined;
  }
  if (node === undefined) {
    problems.push({ code: "CONFIG_UNKNOWN_KEY", key, detail: `${clip(key)} is not a key${hint(key, leaves(schema))}` });
    return undefined;
  }
  if (!isField(node)) {
    const keys = leaves(node, key).join(", ");
    problems.push({ code: "CONFIG_TYPE", key, detail: `${key} is a group of keys; set one of ${keys}` });
    return undefined;
  }
  const value = node.parse(text.slice(equals + 1).trim());
  return key.split(".").reduceRight<unknown>((tree, part) => ({ [part]: tree }), value) as Record<string, unknown>;
}

/** The full names of all keys below a node. */
export function leaves(schema: Section, path = ""): string[] {
  return Object.entries(schema).flatMap(([key, node]) =>
    isField(node) ? [join(path, key)] : leaves(node, join(path, key)),
  );
}

// ---- words for messages

const clip = (text: string): string => (text.length > 60 ? `${text.slice(0, 57)}...` : text);

const show = (value: unknown): string =>
  clip(typeof value === "number" ? String(value) : (JSON.stringify(value) ?? "nothing"));

/** `; did you mean optim.lr?`, by full name or last part; empty if no name is close. */
export function hint(name: string, known: readonly string[]): string {
  const asked = clip(name).toLowerCase();
  let best = { key: "", distance: Number.POSITIVE_INFINITY };
  for (const key of known) {
    const distance = farness(asked, key.toLowerCase());
    if (distance < best.distance) best = { key, distance };
  }
  return best.distance <= Math.max(2, lastPart(asked).length / 2) ? `; did you mean ${best.key}?` : "";
}

const lastPart = (key: string): string => key.slice(key.lastIndexOf(".") + 1);

/** Edit distance; a key in the right group, or a prefix of one, counts as closer than the same word in another group. */
function farness(asked: string, key: string): number {
  if (asked.startsWith(key) || (key.startsWith(asked) && asked.includes("."))) return 0.5;
  return Math.min(lettersApart(asked, key), lettersApart(lastPart(asked), lastPart(key)) + 0.75);
}

/** Levenshtein distance: the number of insertions, deletions and substitutions. */
function lettersApart(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
