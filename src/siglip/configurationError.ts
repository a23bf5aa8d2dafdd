/** An invalid model or step: the message names the conflicting numbers or the unknown word. */
export class ConfigurationError extends Error {
  override readonly name = "ConfigurationError";
}

/** Throws `ConfigurationError` unless `word` is one of `choices`: JavaScript callers have no compiler that checks it. */
export function checkWord(what: string, word: string, choices: readonly string[]): void {
  if (choices.includes(word)) return;
  throw new ConfigurationError(`${what} must be one of ${choices.join(", ")}, not ${JSON.stringify(word)}`);
}
