/** The command line from sources, on the Node that runs the tests. */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const loader = process.features.typescript ? [] : ["--import", "tsx"];

export interface Command {
  readonly args: readonly string[];
  readonly cwd: string;
  /** Variables of the environment beside those of the tests. */
  readonly env: Readonly<Record<string, string>>;
  /** Sent when a training reports its first step. */
  readonly signal?: "SIGINT" | "SIGKILL";
}
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `siglip ...args` in `cwd`. A command that `during` may signal, or that needs `flags` of Node, is a process of its own;
 * the others of a test file share one, since starting the program takes longer than most commands.
 */
export function siglip(
  args: readonly string[],
  during?: (child: ChildProcess) => void,
  flags: readonly string[] = [],
  cwd: string = ROOT,
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const command = { args, cwd, env };
  return during === undefined && flags.length === 0 ? inSharedProcess(command) : inOwnProcess(command, flags, during);
}

/** Runs a training that gets a signal when it reports its first step. */
export const interrupted = (
  args: readonly string[],
  signal: "SIGINT" | "SIGKILL" = "SIGINT",
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> => inSharedProcess({ args, cwd: ROOT, env, signal });

/** Runs `siglip ...args` as a process of its own. */
export const siglipProcess = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Finished> =>
  inOwnProcess({ args, cwd: ROOT, env }, []);

/** Runs a command as a process, on a Node started with `flags`. */
function inOwnProcess(
  { args, cwd, env }: Command,
  flags: readonly string[],
  during?: (child: ChildProcess) => void,
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

let shared: ChildProcess | undefined;
let last: Promise<unknown> = Promise.resolve();

/** Runs a command after all earlier ones in a process that ends with this one. */
function inSharedProcess(command: Command): Promise<Finished> {
  const finished = last.then(() => request(command));
  last = finished.catch(() => {});
  return finished;
}

function request(command: Command): Promise<Finished> {
  shared ??= fork(fileURLToPath(new URL("commandProcess.ts", import.meta.url)), { execArgv: loader });
  const child = shared;
  const keepAlive = (how: "ref" | "unref"): void => {
    child[how]();
    child.channel?.[how]();
  };
  keepAlive("ref");
  return new Promise((resolve, reject) => {
    const ended = (code: number | null, signal: string | null): void => {
      shared = undefined;
      if (signal !== null && signal === command.signal) resolve({ code, stdout: "", stderr: "" });
      else reject(new Error(`siglip ${command.args.join(" ")}: the process ended with ${code}`));
    };
    child.once("exit", ended);
    child.once("message", (finished: Finished) => {
      child.off("exit", ended);
      keepAlive("unref");
      resolve(finished);
    });
    child.send(command);
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

/** Towers of one block, small enough for tests. */
export const TINY_MODEL = [
  "--set", "model.image.depth=1", "--set", "model.image.width=32", "--set", "model.image.mlpDim=64",
  "--set", "model.text.width=32", "--set", "model.text.mlpDim=64", "--set", "model.embedDim=32",
]; // biome-ignore format: groups of keys

/** A small run on drawn scenes. */
export const TINY_RUN = ["--preset", "shapes", ...TINY_MODEL, "--set", "train.batch=16", "--set", "log.every=1"];

/** The same on one device, since starting each takes longer than its steps. */
export const TINY = [...TINY_RUN, "--devices", "1"];
