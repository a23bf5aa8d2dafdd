/**
 * The steps of a tokenizer.json before and after its model: normalizer, pre_tokenizer, decoder. Supported is what occurs in the files of
 * SigLIP (T5's and Gemma's tokenizers); regular expressions are never compiled but recognized as they are written.
 * Source: huggingface/tokenizers.
 */
import { isJsonRecord, type JsonRecord, type JsonValue } from "../formats/index.ts";
import { fromBase64 } from "./base64.ts";
import { Charsmap } from "./charsmap.ts";
import { WHITE_SPACE, withoutEnding } from "./cleaning.ts";
import { malformed, partsOf, requireFields, shownJson, unsupported } from "./jsonFields.ts";

/** Normalization sorts combining marks in time quadratic in their number, so of more than 100 each 100 are sorted by themselves. */
const MANY_MARKS = /(\P{M}?\p{M}{100})(?=\p{M})/u;

/** A text to a text. */
type Step = (text: string) => string;

const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder("utf-8", { ignoreBOM: true });
const SPACES_BEFORE = new RegExp(`^[${WHITE_SPACE}]+`);
const SPACE = new RegExp(`[${WHITE_SPACE}]`);
const NOT_SPACES = new RegExp(`[^${WHITE_SPACE}]+`, "g");

const text = (value: JsonValue | undefined, where: string, file: string): string =>
  typeof value === "string" ? value : malformed(file, `${where} must be a string, found ${shownJson(value)}`);

/** The normalizer of a file. */
export function normalizerFrom(value: JsonValue | undefined, file: string): Step {
  const steps = partsOf(value, "normalizer", "normalizers", file).map((part) => normalizerStep(part, file));
  return (input) => steps.reduce((each, step) => step(each), input);
}

function normalizerStep(part: JsonRecord, file: string): Step {
  const where = `normalizer ${part.type}`;
  const fields = (allowed: Parameters<typeof requireFields>[1]) => requireFields(part, allowed, where, file);
  switch (part.type) {
    case "Replace":
      fields({ pattern: undefined, content: undefined });
      return replacement(part.pattern, text(part.content, `${where}.content`, file), where, file);
    case "Lowercase":
      fields({});
      // Character by character: a capital sigma at the end of a word becomes σ, not ς.
      return (input) => Array.from(input, (character) => character.toLowerCase()).join("");
    case "NFC":
    case "NFKC": {
      fields({});
      const form = part.type;
      return (input) =>
        input
          .split(MANY_MARKS)
          .map((each) => each.normalize(form))
          .join("");
    }
    case "Strip":
      fields({ strip_left: [true, false], strip_right: [true, false] });
      return (input) => {
        const left = part.strip_left === true ? input.replace(SPACES_BEFORE, "") : input;
        return part.strip_right === true ? withoutEnding(left, SPACE) : left;
      };
    case "Precompiled":
      fields({ precompiled_charsmap: undefined });
      return precompiled(part.precompiled_charsmap, where, file);
    default:
      return unsupported(file, where);
  }
}

/** A literal, or the one regular expression that occurs: two spaces and more. */
function replacement(pattern: JsonValue | undefined, content: string, where: string, file: string): Step {
  if (isJsonRecord(pattern) && Object.keys(pattern).length === 1) {
    const { String: literal, Regex: regex } = pattern;
    if (typeof literal === "string" && literal !== "") return (input) => input.replaceAll(literal, () => content);
    if (regex === " {2,}") return (input) => input.replace(/ {2,}/g, () => content);
  }
  return unsupported(file, `${where} with the pattern ${shownJson(pattern)}`);
}

/**
 * SentencePiece's charsmap as Hugging Face applies it: to a cluster of characters as a whole if it has less than 6 bytes and begins with a
 * match, else to each character; of several matches the shortest counts.
 */
function precompiled(value: JsonValue | undefined, where: string, file: string): Step {
  const bytes = typeof value === "string" ? fromBase64(value) : undefined;
  if (bytes === undefined) return malformed(file, `${where}.precompiled_charsmap must be base64`);
  const charsmap = new Charsmap(bytes);
  const clusters = new Intl.Segmenter("en", { granularity: "grapheme" });
  const replaced = (input: string): string | undefined => {
    const from = utf8.encode(input);
    const match = charsmap.match(from, 0, from.length, "shortest");
    return match && fromUtf8.decode(match.bytes);
  };
  return (input) => {
    let out = "";
    for (const { segment } of clusters.segment(input)) {
      const whole = utf8.encode(segment).length < 6 ? replaced(segment) : undefined;
      out += whole ?? Array.from(segment, (character) => replaced(character) ?? character).join("");
    }
    return out;
  };
}

/** Cuts a text into words; `isFirst` says whether it is where the whole text begins. */
export type PreTokenizer = (text: string, isFirst: boolean) => string[];

/** The pre_tokenizer of a file. */
export function preTokenizerFrom(value: JsonValue | undefined, file: string): PreTokenizer {
  const steps = partsOf(value, "pre_tokenizer", "pretokenizers", file).map((part) => preTokenizerStep(part, file));
  return (input, isFirst) =>
    steps.reduce(
      (words, step) => words.flatMap((word, i) => step(word, isFirst && i === 0)),
      input === "" ? [] : [input],
    );
}

function preTokenizerStep(part: JsonRecord, file: string): PreTokenizer {
  const where = `pre_tokenizer ${part.type}`;
  switch (part.type) {
    case "Split":
      requireFields(
        part,
        { pattern: [{ String: " " }], behavior: ["MergedWithPrevious"], invert: [false] },
        where,
        file,
      );
      return (input) => input.match(/[^ ]* |[^ ]+$/g) ?? [];
    case "WhitespaceSplit":
      requireFields(part, {}, where, file);
      return (input) => input.match(NOT_SPACES) ?? [];
    case "Metaspace":
      return metaspace(part, where, file);
    default:
      return unsupported(file, where);
  }
}

/** Spaces become "▁", one goes in front unless one is there, and words begin with it. */
function metaspace(part: JsonRecord, where: string, file: string): PreTokenizer {
  const allowed = { replacement: ["▁"], prepend_scheme: ["always", "first", "never"], split: [true, false] };
  requireFields(part, { ...allowed, add_prefix_space: [true, false], str_rep: ["▁"] }, where, file);
  const scheme = part.prepend_scheme ?? (part.add_prefix_space === false ? "never" : "always");
  return (input, isFirst) => {
    const marked = input.replaceAll(" ", "▁");
    const prepends = (scheme === "always" || (scheme === "first" && isFirst)) && !marked.startsWith("▁");
    const whole = prepends ? `▁${marked}` : marked;
    return part.split === false ? [whole] : (whole.match(/▁[^▁]*|^[^▁]+/g) ?? []);
  };
}

/** The decoder of a file: pieces to a text; byte pieces have been joined before. */
export function decoderFrom(value: JsonValue | undefined, file: string): Step {
  const parts = partsOf(value, "decoder", "decoders", file);
  let strips = false;
  for (const part of parts) {
    const where = `decoder ${part.type}`;
    if (part.type === "Replace") requireFields(part, { pattern: [{ String: "▁" }], content: [" "] }, where, file);
    else if (part.type === "ByteFallback" || part.type === "Fuse") requireFields(part, {}, where, file);
    else if (part.type === "Strip") requireFields(part, { content: [" "], start: [1], stop: [0] }, where, file);
    else if (part.type !== "Metaspace") unsupported(file, where);
    strips ||= part.type === "Strip" || (part.type === "Metaspace" && part.prepend_scheme !== "never");
  }
  return (pieces) => {
    const spaced = pieces.replaceAll("▁", " ");
    return strips && spaced.startsWith(" ") ? spaced.slice(1) : spaced;
  };
}
