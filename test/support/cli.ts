/** The command line as a separate process, from sources, on the Node that runs the tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const loader = process.features.typescript ? [] : ["--import", "tsx"];

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `siglip ...args` in `cwd` on a Node started with `flags`; `during` may signal the process while it runs. */
export function siglip(
  args: readonly string[],
  during?: (child: ChildProcess) => void,
  flags: readonly string[] = [],
  cwd: string = ROOT,
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...loader, ...flags, MAIN, ...args], {
      cwd,
      env: { ...process.env, ...env },
    });
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      stderr += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    during?.(child);
  });
}

/** Calls `then` at the first line of progress. */
export function whenTraining(child: ChildProcess, then: () => void): void {
  const listen = (chunk: unknown): void => {
    if (!/step \d/.test(String(chunk))) return;
    child.stderr?.off("data", listen);
    then();
  };
  child.stderr?.on("data", listen);
}

/** A run small enough for tests: drawn scenes, one block a tower. */
export const TINY = [
  "--preset", "shapes",
  "--set", "model.image.depth=1", "--set", "model.image.width=32", "--set", "model.image.mlpDim=64",
  "--set", "model.text.width=32", "--set", "model.text.mlpDim=64", "--set", "model.embedDim=32",
  "--set", "train.batch=16", "--set", "log.every=1",
]; // biome-ignore format: groups of keys
