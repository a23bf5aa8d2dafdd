/** The command that starts this program, for messages that say what to type. */
import { isAbsolute, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** A word quoted for a shell. */
export const shellWord = (text: string): string =>
  /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;

export interface Started {
  /** `process.argv[1]`. */
  readonly program: string;
  readonly folder: string;
  /** The npm script that runs, if any: `npm_lifecycle_event`. */
  readonly script: string | undefined;
  readonly root?: string;
}

/**
 * A command in the form in which this process was started: by npm in a clone of the repository, by npx, as an installed
 * command, or as a file.
 */
export function commandLine(args: readonly string[], started: Started = startedHere()): string {
  return [programOf(started), ...args.map(shellWord)].join(" ");
}

function programOf({ program, folder, script, root = ROOT }: Started): string {
  const isSource = ["start.mjs", "main.ts"].some((name) => program === join(root, "src", "cli", name));
  if (isSource && relative(folder, root) === "") return "npm run -s siglip --";
  if (script === "npx" || /[\\/]node_modules[\\/]\.bin[\\/]/.test(program)) return "npx siglip";
  if (!/\.(ts|m?js)$/.test(program)) return "siglip";
  return `node ${shellWord(fromHere(program, folder))}`;
}

/** An absolute path as a person in a folder types it: relative to the folder if it lies there. */
export function fromHere(path: string, folder = process.cwd()): string {
  const short = relative(folder, path) || ".";
  return isAbsolute(short) || short.startsWith("..") ? path : short;
}

const startedHere = (): Started => ({
  program: process.argv[1] ?? "siglip",
  folder: process.cwd(),
  script: process.env.npm_lifecycle_event,
});
