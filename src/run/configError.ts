/** The error for settings of a run and options of a command, with all problems at once. */
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

/** Keys that contradict each other, and how. */
export interface Conflict {
  readonly keys: string[];
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
