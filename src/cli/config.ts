/** `siglip config`: every key that `train --set` takes, with its value in a preset. */
import { ConfigError, type ConfigKey, configKeys } from "../run/index.ts";
import { commandLine } from "./invocation.ts";
import { print } from "./print.ts";
import { usageError } from "./usageError.ts";

export function config(named: string | undefined, options: { preset?: string; json?: boolean }): void {
  const { preset = named, json = false } = options;
  if (named !== undefined && preset !== named) {
    throw usageError("--preset", `config ${named} --preset ${preset} names two presets; name one`);
  }
  const keys = configKeys(preset);
  if (json) {
    print(JSON.stringify(keys));
    return;
  }
  const columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY;
  for (const key of keys) print(keyText(key, columns));
  const note =
    preset === undefined
      ? `these are the defaults; with the values of a preset: ${commandLine(["config", "emoji"])}`
      : `*: changed by the preset ${preset}`;
  process.stderr.write(`${note}\n`);
}

const INDENT = " ".repeat(6);

/** A key with its value and what it does: one line, for grep, or on a terminal as many as fit its columns. */
export function keyText({ key, default: initial, value, about, expected, text }: ConfigKey, columns: number): string {
  const [now, before] = [text(value), text(initial)];
  const isChanged = now !== before;
  const first = `${isChanged ? "*" : " "} ${key.padEnd(26)} ${now}`;
  const described = `${about} (${expected}${isChanged ? `; default ${before}` : ""})`;
  if (columns === Number.POSITIVE_INFINITY) return `${first.padEnd(44)} ${described}`;
  return [first, ...wrapped(described, columns - INDENT.length).map((line) => INDENT + line)].join("\n");
}

/** The words of a text in lines of at most so many characters; a longer word has its own line. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

/** For an error about a key that does not exist: the command that lists the keys, on a line of its own. */
export function keysHint(error: unknown): string {
  const codes: readonly string[] = ["CONFIG_UNKNOWN_KEY", "CONFIG_SYNTAX"];
  const isOfKeys =
    error instanceof ConfigError && error.problems.some(({ code, key }) => codes.includes(code) && key !== "preset");
  return isOfKeys ? `\n${commandLine(["config"])} lists the keys` : "";
}

/** For an unknown option of `train` that has the name of a key: how to set the key, on lines of their own. */
export function optionHint(message: string): string {
  const name = /unknown option '--([^'=]+)/.exec(message)?.[1].toLowerCase();
  return configKeys()
    .filter(({ key }) => [key, key.slice(key.lastIndexOf(".") + 1)].some((each) => each.toLowerCase() === name))
    .map(({ key }) => `--set ${key}=<value> sets this key of the configuration\n`)
    .join("");
}
