/**
 * Prompts of zero-shot classification: canonical text, and class names in templates.
 *
 * A class name may list aliases, separated by commas; each goes into each template in place of "{}" (lists of templates: templates.ts).
 * Source: big_vision, evaluators/proj/image_text/prompt_engineering.py and discriminative_classifier.py.
 */
import { EvaluationError } from "./evaluationError.ts";

/** ASCII punctuation, as Python's `string.punctuation`. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/**
 * Canonical text: lower case, without ASCII punctuation, "_" and runs of white space as one space. The exact string `keep` is
 * kept: "{}" for templates, "," for class names.
 */
export function canonicalize(text: string, keep?: string): string {
  const bare = (part: string) => part.replace(PUNCTUATION, "");
  const spaced = text.replaceAll("_", " ");
  const stripped = keep ? spaced.split(keep).map(bare).join(keep) : bare(spaced);
  return stripped.toLowerCase().replace(/\s+/g, " ").trim();
}

/** A prompt and its class. */
export interface Prompt {
  readonly text: string;
  /** Index into the class names. */
  readonly label: number;
}

/** Options of `prompts`. */
export interface PromptOptions {
  /** Whether only the first name of a class is used, as big_vision does by default; otherwise its aliases are too. */
  readonly firstNameOnly?: boolean;
}

/** The prompts of every class, alias and template, in that order. Throws `EvaluationError` for a template without "{}". */
export function prompts(
  classNames: readonly string[],
  templates: readonly string[],
  { firstNameOnly = false }: PromptOptions = {},
): Prompt[] {
  const blank = templates.find((template) => !template.includes("{}"));
  if (blank !== undefined) {
    throw new EvaluationError(`prompts: template "${blank}" has no {} where the class name goes`);
  }
  return classNames.flatMap((name, label) =>
    canonicalize(name, ",")
      .split(",", firstNameOnly ? 1 : undefined)
      .flatMap((alias) =>
        templates.map((template) => ({ text: canonicalize(template, "{}").replaceAll("{}", alias), label })),
      ),
  );
}
