/** What a person can do with a run that has ended: commands that work where the program was started. */
import type { Config } from "../run/index.ts";
import { commandLine, fromHere } from "./invocation.ts";

/** A query that emoji and icons answer, and many people's pictures. */
const FAMILIAR = "dog";
/** Training texts of which the shortest is the query, where none has the familiar word. */
const CHOICE = 100;

function exampleQuery(texts: readonly string[]): string {
  if (texts.some((text) => text.split(/\W+/).includes(FAMILIAR))) return FAMILIAR;
  return texts.slice(0, CHOICE).reduce((short, text) => (text.length < short.length ? text : short), texts[0]);
}

/** A line for each command. `texts`: those of the training; `folder`: the user's folder of images, if one was trained on. */
export function nextSteps(
  path: string,
  { train, data }: Config,
  texts: readonly string[],
  folder: string | undefined,
): string[] {
  if (train.objective === "classify") {
    const init = ["--lock", "image", "--init", path];
    if (data.name === "emoji") return [`train a text tower for it: ${commandLine(["train", ...init])}`];
    if (data.name !== "files") return [];
    return [`train a text tower for it: ${commandLine(["train", "--data", fromHere(data.path), ...init])}`];
  }
  const isClone = commandLine([]).startsWith("npm run");
  return [
    `search with it: ${commandLine(["search", path, exampleQuery(texts), ...(folder === undefined ? [] : [folder])])}`,
    ...(isClone ? ['or in a browser: npm run page, then "Train it" and the folder of the run'] : []),
  ];
}
