/** Warnings about texts before a model reads them. */
import { DataError } from "../data/index.ts";
import { printable } from "../formats/index.ts";
import { isCut, type Tokenizer, unknownWords, wordsOf } from "../tokenizers/index.ts";
import type { Config } from "./config.ts";

const SHOWN = 5; // words

/** How many texts are longer than the model reads. */
export const countCut = (tokenizer: Tokenizer, texts: readonly string[], length: number): number =>
  texts.filter((text) => isCut(tokenizer, text, length)).length;

/** A warning that counts texts longer than the model reads; two with the same beginning have equal scores. */
export function cutTexts(tokenizer: Tokenizer, texts: readonly string[], length: number): string[] {
  const cut = countCut(tokenizer, texts, length);
  if (cut === 0) return [];
  const which = texts.length === 1 ? "the text is" : `${cut} of ${texts.length} texts are`;
  return [`${which} longer than the ${length - 1} tokens that the model reads; the rest is ignored`];
}

/** The share of long names that the presets cut: 0.02 to 0.03. Who changes nothing has nothing to mend. */
const FEW = 0.05;

/** The warning of `cutTexts` for texts to train on: for a user's own always, for others if more than a few are cut. */
export function cutTrainingTexts(
  { data, tokenizer: { length } }: Pick<Config, "data" | "tokenizer">,
  tokenizer: Tokenizer,
  texts: readonly string[],
): string[] {
  const isExpected = data.name !== "files" && countCut(tokenizer, texts, length) <= FEW * texts.length;
  return isExpected ? [] : cutTexts(tokenizer, texts, length);
}

/**
 * Warnings about texts that are cut, or in a script unknown to the model. Throws `DataError` for a text without words.
 * `what` names the texts in messages.
 */
export function checkTexts(what: string, tokenizer: Tokenizer, texts: readonly string[], length: number): string[] {
  const isEmpty = (text: string): boolean =>
    wordsOf(text).length === 0 || tokenizer.encode(text, 2)[0] === tokenizer.end;
  const empty = texts.find(isEmpty);
  if (empty !== undefined) throw new DataError(`${what} "${printable(empty)}" is empty; write at least one word`);
  const warnings = cutTexts(tokenizer, texts, length);
  const unknown = [...new Set(texts.flatMap((text) => unknownWords(tokenizer, text)))];
  if (unknown.length === 0) return warnings;
  const words = unknown.slice(0, SHOWN).map((word) => `"${printable(word)}"`);
  const more = unknown.length > SHOWN ? ` and ${unknown.length - SHOWN} more` : "";
  return [...warnings, `the model never saw text like ${words.join(", ")}${more} in training; its scores mean nothing`];
}
