/**
 * What happens to a text before its tokenizer sees it. Each origin of a model has its own rule, and a tower must be given what it was
 * trained on.
 */

/** ASCII punctuation, as Python's `string.punctuation`. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
/** White space of Unicode. JavaScript's `\s` has U+FEFF too, and lacks U+0085. */
export const WHITE_SPACE = "\\t-\\r \\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
/** Runs of white space as Python's `\s`, which has U+001C to U+001F too. */
const PYTHON_SPACES = new RegExp(`[\\x1c-\\x1f${WHITE_SPACE}]+`, "g");

/**
 * A text without the characters of a class at its end. A loop, because /x+$/ takes time in the square of a run of x elsewhere; /^x+/
 * does not.
 */
export function withoutEnding(text: string, characters: RegExp): string {
  let end = text.length;
  while (end > 0 && characters.test(text[end - 1])) end--;
  return text.slice(0, end);
}

const withoutPunctuation = (text: string): string =>
  text.replace(PUNCTUATION, "").replace(PYTHON_SPACES, " ").replace(/^ | $/g, "");

/** Lower case character by character: a capital sigma at the end of a word becomes σ, not ς. */
const lowerEach = (text: string): string =>
  text.includes("Σ") ? Array.from(text, (character) => character.toLowerCase()).join("") : text.toLowerCase();

/** The rules by name. */
const rules = {
  /** Hugging Face's SigLIP: lower case, no ASCII punctuation, single spaces. */
  siglip: (text: string) => withoutPunctuation(text.toLowerCase()),
  /** The same with `do_lower_case: false`. */
  siglipCased: withoutPunctuation,
  /** open_clip's "canonicalize", without its repairs of broken encodings: as Hugging Face's, but "_" becomes a space. */
  openClip: (text: string) => withoutPunctuation(text.replaceAll("_", " ").toLowerCase()),
  /** big_vision: A to Z in lower case. */
  bigVision: (text: string) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
  /** Hugging Face's SigLIP 2: lower case, punctuation stays. */
  siglip2: lowerEach,
  /** The tokenizer does it all. */
  none: (text: string) => text,
} as const;

/** The name of a rule. */
export type Cleaning = keyof typeof rules;

/** Whether a value names a rule. */
export const isCleaning = (value: unknown): value is Cleaning =>
  typeof value === "string" && Object.hasOwn(rules, value);

/** The text as its tokenizer reads it. */
export const cleaned = (text: string, rule: Cleaning): string => rules[rule](text);

/** Exactly `length` ids: those of the text, cut to length − 1, the end, then padding. */
export function framed(ids: readonly number[], length: number, end: number, pad: number): Int32Array {
  const tokens = new Int32Array(length).fill(pad);
  const count = Math.min(ids.length, length - 1);
  for (let i = 0; i < count; i++) tokens[i] = ids[i];
  tokens[count] = end;
  return tokens;
}
