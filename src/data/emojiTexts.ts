/** The texts of emoji: names and keywords in one or many languages, encoded for the rows of a batch. */
import type { Rng } from "../tensor/index.ts";
import { encodeAll, type Tokenizer, trainBpe } from "../tokenizers/index.ts";
import { DataError } from "./batches.ts";
import type { EmojiNames, NamedEmoji } from "./emojiNames.ts";

/** The names in a language. Throws `DataError` if it was not opened. */
export function namesIn(names: EmojiNames, language: string): readonly NamedEmoji[] {
  const found = names.get(language);
  if (found === undefined) throw new DataError(`emoji: names in ${language} were not opened; name it in openEmoji`);
  return found;
}

interface TextOptions {
  readonly tokenizer: Tokenizer;
  readonly length: number;
  readonly languages?: readonly string[];
  readonly tags?: number;
}

/** Draws the text of a row: in one of the languages, each equally likely, the name of an emoji, or with probability `tags` a tag. */
export function textsOf(
  names: EmojiNames,
  { tokenizer, length, languages = ["en"], tags = 0 }: TextOptions,
): (item: number, rng: Rng) => Int32Array {
  const texts = languages.map((language) => {
    const emoji = namesIn(names, language);
    const encoded = encodeAll(
      tokenizer,
      emoji.map(({ name }) => name),
      length,
    );
    return { emoji, encoded };
  });
  return (item, rng) => {
    const [asTag, which] = [rng.uniform() < tags, rng.uniform()];
    // From a generator of its own: the other choices of a row do not depend on the number of languages.
    const { emoji, encoded } = texts[Math.floor(rng.split("language").uniform() * texts.length)];
    const own = emoji[item].tags;
    if (!asTag || own.length === 0) return encoded.subarray(item * length, (item + 1) * length);
    return tokenizer.encode(own[Math.floor(which * own.length)], length);
  };
}

/** The default tokenizer: byte pairs learned from the names and tags of `emoji`, in any languages. */
export const emojiTokenizer = (emoji: readonly NamedEmoji[], vocabSize = 1024): Tokenizer =>
  trainBpe(
    emoji.flatMap(({ name, tags }) => [name, ...tags]),
    vocabSize,
  );
