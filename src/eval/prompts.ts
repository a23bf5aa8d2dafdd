/**
 * Prompts of zero-shot classification: canonical text, and class names put into templates.
 *
 * A class name may list aliases after commas; each of them goes into each template. "{}" marks where the name goes.
 * Source: big_vision, evaluators/proj/image_text/prompt_engineering.py and discriminative_classifier.py.
 */
import { EvaluationError } from "./evaluationError.ts";

/** ASCII punctuation, as Python's `string.punctuation`. */
const PUNCTUATION = /[!-/:-@[-`{-~]/g;

/**
 * Lower case, without ASCII punctuation, "_" and runs of white space as one space. Occurrences of the exact string `keep`
 * survive: "{}" for templates, "," for class names.
 */
export function canonicalize(text: string, keep?: string): string {
  const bare = (part: string) => part.replace(PUNCTUATION, "");
  const spaced = text.replaceAll("_", " ");
  const stripped = keep ? spaced.split(keep).map(bare).join(keep) : bare(spaced);
  return stripped.toLowerCase().replace(/\s+/g, " ").trim();
}

export interface Prompt {
  readonly text: string;
  /** Index into the class names. */
  readonly label: number;
}

/** Every class, every alias, every template, in that order. Throws `EvaluationError` for a template without "{}". */
export function prompts(classNames: readonly string[], templates: readonly string[]): Prompt[] {
  const blank = templates.find((template) => !template.includes("{}"));
  if (blank !== undefined) {
    throw new EvaluationError(`prompts: template "${blank}" has no {} where the class name goes`);
  }
  return classNames.flatMap((name, label) =>
    canonicalize(name, ",")
      .split(",")
      .flatMap((alias) =>
        templates.map((template) => ({ text: canonicalize(template, "{}").replaceAll("{}", alias), label })),
      ),
  );
}
