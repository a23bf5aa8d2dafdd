/** Other libraries, as programs that do the same work and print how long it took. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";

export interface Peer {
  /** Node, or a Python; undefined where none was given. */
  readonly program: string | undefined;
  readonly file: string;
  readonly args: readonly string[];
  /** What else must be there. */
  readonly needs?: string;
}

/** What a peer prints; `undefined` where it is not installed. One that fails is left out too, with a warning. */
export async function outputOf({ program, file, args, needs = file }: Peer): Promise<string | undefined> {
  if (program === undefined || !existsSync(file) || !existsSync(needs)) return undefined;
  try {
    const { stdout } = await promisify(execFile)(program, [file, ...args]);
    return stdout;
  } catch (error) {
    const why = error instanceof Error ? error.message.trim().split("\n").at(-1) : error;
    process.stderr.write(`warning: ${file} ${args.join(" ")} failed and is left out: ${why}\n`);
    return undefined;
  }
}

/** Best seconds of vit-torch.py and vit-b16.py: "best 0.490 median ...". */
export function bestSeconds(output: string | undefined): number | undefined {
  const found = /\bbest ([\d.]+)/.exec(output ?? "");
  return found ? Number(found[1]) : undefined;
}
