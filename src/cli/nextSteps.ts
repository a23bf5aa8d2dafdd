/** What a person can do with a run that has ended: commands that work where the program was started. */
import type { Config } from "../run/index.ts";
import { commandLine } from "./invocation.ts";

/** Training texts among which the query of the example is chosen. */
const CHOICE = 100;

/** A line for each command. `texts`: those of the training. */
export function nextSteps(path: string, { train, data }: Config, texts: readonly string[]): string[] {
  if (train.objective === "classify") {
    const init = ["--lock", "image", "--init", path];
    if (data.name === "emoji") return [`train a text tower for it: ${commandLine(["train", ...init])}`];
    if (data.name !== "files") return [];
    return [`train a text tower for it: ${commandLine(["train", "--data", data.path, ...init])}`];
  }
  const query = texts.slice(0, CHOICE).reduce((short, text) => (text.length < short.length ? text : short), texts[0]);
  const isClone = commandLine([]).startsWith("npm run");
  return [
    `search with it: ${commandLine(["search", path, query])}`,
    ...(isClone ? ['or in a browser: npm run page, then "Train it" and the folder of the run'] : []),
  ];
}
