/**
 * The folder of a run: everything that a training run writes, and all that is needed to go on with it.
 *
 *   runs/2026-11-24-1725-emoji/
 *     config.json        the complete configuration
 *     metrics.jsonl      what was measured, as it was measured (metrics.ts)
 *     checkpoint/        the newest checkpoints (checkpoint.ts)
 *     lock.1             who is writing here, while somebody is (lock.ts)
 *
 * A new run gets a new folder; nothing that is there is ever written over.
 */
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseJson, printable } from "../formats/index.ts";
import { CheckpointFolder, sha256 } from "./checkpoint.ts";
import { type Config, checkConfig } from "./config.ts";
import { EXIT, type ExitCode } from "./exitCodes.ts";
import { type Fs, realFs, utf8, writeDurably } from "./fs.ts";
import { lockRun, RunLockedError } from "./lock.ts";

/** A run folder that cannot be made or is none. */
export class RunFolderError extends Error {
  override readonly name = "RunFolderError";
  readonly exitCode: ExitCode = EXIT.usage;

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options); // it repeats a path, which may hold anything
  }
}

export interface RunFolder {
  readonly path: string;
  readonly config: Config;
  readonly checkpoints: CheckpointFolder;
}

/** A run folder that this process may write to, until it calls `release`. */
export interface OwnedRunFolder extends RunFolder {
  release(): void;
}

const CONFIG = "config.json";
const CHECKPOINTS = "checkpoint";

/** Makes the folder `path` (or takes one in which no run was begun) and its lock. */
export function createRun(path: string, config: Config, now: Date, fs: Fs = realFs): OwnedRunFolder {
  mkdirSync(dirname(path), { recursive: true });
  try {
    fs.makeFolder(path);
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    refuseIfUsed(path, fs);
  }
  const release = lockRun(path, now, fs);
  try {
    refuseIfUsed(path, fs); // another process may have come and gone before the lock was taken
    const checkpoints = join(path, CHECKPOINTS);
    if (!fs.isFolder(checkpoints)) fs.makeFolder(checkpoints);
    writeDurably(fs, join(path, CONFIG), utf8(`${JSON.stringify(config, null, 2)}\n`));
    fs.syncFolder(dirname(path));
  } catch (error) {
    release();
    throw error;
  }
  return { ...folderOf(path, config, fs), release };
}

/** Throws unless nothing is in the folder but what a start leaves that was killed before it wrote the configuration. */
export function refuseIfUsed(path: string, fs: Fs = realFs): void {
  const unused =
    fs.isFolder(path) &&
    fs.list(path).every((name) => name === CHECKPOINTS || /^(lock\.\d+|config\.json\.tmp)$/.test(name));
  const checkpoints = join(path, CHECKPOINTS);
  if (unused && (!fs.isFolder(checkpoints) || fs.list(checkpoints).length === 0)) return;
  throw new RunFolderError(`${path} exists; choose another --out, or go on with that run with --resume`);
}

/** Makes a folder in `parent` that is named by time and preset: `2026-11-24-1725-emoji`, then `…-emoji-2`. */
export function createNextRun(
  parent: string,
  preset: string,
  config: Config,
  now: Date,
  fs: Fs = realFs,
): OwnedRunFolder {
  const pad = (n: number): string => String(n).padStart(2, "0");
  const day = `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
  const name = `${day}-${pad(now.getHours())}${pad(now.getMinutes())}-${preset}`;
  for (let n = 1; ; n++) {
    try {
      return createRun(join(parent, n === 1 ? name : `${name}-${n}`), config, now, fs);
    } catch (error) {
      const taken = error instanceof RunFolderError || error instanceof RunLockedError;
      if (!taken || n === 1000) throw error;
    }
  }
}

/** Opens a run to read from it. */
export function readRun(path: string, fs: Fs = realFs): RunFolder {
  const file = join(path, CONFIG);
  if (!fs.isFolder(path) || !fs.list(path).includes(CONFIG)) {
    throw new RunFolderError(`${path} is no run folder: there is no ${file}`);
  }
  return folderOf(path, checkConfig(parseJson(fs.read(file), file)), fs);
}

/** Opens a run to go on with it, and takes its lock. */
export function resumeRun(path: string, now: Date, fs: Fs = realFs): OwnedRunFolder {
  readRun(path, fs); // so that a lock is put into run folders only
  const release = lockRun(path, now, fs);
  try {
    return { ...readRun(path, fs), release };
  } catch (error) {
    release();
    throw error;
  }
}

const folderOf = (path: string, config: Config, fs: Fs): RunFolder => ({
  path,
  config,
  checkpoints: new CheckpointFolder(join(path, CHECKPOINTS), { keep: config.checkpoint.keep, fs }),
});

/**
 * SHA-256 of all keys that change a bit of the result; how often to log, save and evaluate does not. A key that came after runs
 * had been saved counts only where it differs from its default.
 */
export function configDigest({ data: { trim, ...others }, tokenizer, model, train, optim }: Config): string {
  const data = trim === "content" ? others : { ...others, trim };
  return sha256(JSON.stringify({ data, tokenizer, model, train, optim }));
}
