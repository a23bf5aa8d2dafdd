/** What is worth saying about the texts of a command before a model reads them. */
import { DataError, isCut, type Tokenizer, unknownWords, wordsOf } from "../data/index.ts";
import { printable } from "../formats/index.ts";
import { warn } from "./print.ts";

const SHOWN = 5; // words

/** Warns how many texts are longer than the model reads: two of them may begin alike, and then have equal scores. */
export function warnOfCut(tokenizer: Tokenizer, texts: readonly string[], length: number): void {
  const cut = texts.filter((text) => isCut(tokenizer, text, length)).length;
  if (cut === 0) return;
  const which = texts.length === 1 ? "the text is" : `${cut} of ${texts.length} texts are`;
  warn(`${which} longer than the ${length - 1} tokens that the model reads; what comes after them is not seen`);
}

/** Throws `DataError` for a text without a word, and warns of texts that the model cannot know. `what` says what they are. */
export function checkTexts(what: string, tokenizer: Tokenizer, texts: readonly string[], length: number): void {
  const empty = texts.find((text) => wordsOf(text).length === 0);
  if (empty !== undefined) throw new DataError(`${what} "${printable(empty)}" is empty; write a word or more`);
  warnOfCut(tokenizer, texts, length);
  const unknown = [...new Set(texts.flatMap((text) => unknownWords(tokenizer, text)))];
  if (unknown.length === 0) return;
  const words = unknown.slice(0, SHOWN).map((word) => `"${printable(word)}"`);
  const more = unknown.length > SHOWN ? ` and ${unknown.length - SHOWN} more` : "";
  warn(`the model never saw writing like ${words.join(", ")}${more} during training; their scores mean nothing`);
}
