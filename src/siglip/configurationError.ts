/** A model or a step that cannot be: the message names the numbers that do not fit, or the word that is unknown. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

/** Throws `ConfigurationError` unless `word` is one of `choices`: callers from JavaScript have no compiler to tell them. */
export function checkWord(what: string, word: string, choices: readonly string[]): void {
  if (choices.includes(word)) return;
  throw new ConfigurationError(`${what} ${JSON.stringify(word)} is none of ${choices.join(", ")}`);
}
