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
import { dirname, join } from "node:path";
import { parseJson, printable } from "../formats/index.ts";
import { CheckpointFolder, sha256 } from "./checkpoint.ts";
import { type Config, checkConfig, digested } from "./config.ts";
import { type Fs, isSystemError, makeFolders, realFs, utf8, writeDurably } from "./fs.ts";
import { lockRun, RunLockedError } from "./lock.ts";

/** A run folder that cannot be made or is none. */
export class RunFolderError extends Error {
  override readonly name = "RunFolderError";

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
  /** Removes what `createRun` made, and gives the lock back, if nothing was measured or saved since. Whether it did. */
  discard(): boolean;
}

const CONFIG = "config.json";
const CHECKPOINTS = "checkpoint";
const METRICS = "metrics.jsonl";

/**
 * Throws unless a run can be made at `path`: a name, in a place where folders can be made, where nothing is or an empty
 * folder. For before work is begun: nothing stays there.
 */
export function checkRunPath(path: string, fs: Fs = realFs): void {
  const made = makeRunFolder(path, fs);
  if (made.length === 0) refuseIfUsed(path, fs);
  for (const folder of made.reverse()) fs.removeFolder(folder);
}

/** Makes the folder `path` (or takes one in which no run was begun) and its lock. */
export function createRun(path: string, config: Config, now: Date, fs: Fs = realFs): OwnedRunFolder {
  const made = makeRunFolder(path, fs);
  if (made.length === 0) refuseIfUsed(path, fs);
  const release = lockRun(path, now, fs);
  try {
    refuseIfUsed(path, fs); // another process may have come and gone before the lock was taken
    const checkpoints = join(path, CHECKPOINTS);
    if (!fs.isFolder(checkpoints)) fs.makeFolder(checkpoints);
    writeConfig(path, config, fs); // this syncs the names in the folder, too
    fs.syncFolder(dirname(path));
  } catch (error) {
    release();
    throw error;
  }
  return { ...openRun(path, config, { fs }), release, discard: () => discardRun(path, made, release, fs) };
}

/** Writes the configuration of a run. The run must be locked. */
export const writeConfig = (path: string, config: Config, fs: Fs = realFs): void =>
  writeDurably(fs, join(path, CONFIG), utf8(`${JSON.stringify(config, null, 2)}\n`));

/** The folders that were missing, outermost first. */
function makeRunFolder(path: string, fs: Fs): string[] {
  if (path.trim() === "")
    throw new RunFolderError("--out is empty; name the folder of the run, as in --out runs/first");
  try {
    return makeFolders(fs, path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const isUsage = error.code === "ENOTDIR" || error.code === "ENAMETOOLONG" || error.code === "ELOOP";
    const message = `${path} cannot be made: ${error.message}; choose another --out`;
    if (isUsage) throw new RunFolderError(message, { cause: error });
    throw Object.assign(new Error(message, { cause: error }), { code: error.code });
  }
}

function discardRun(path: string, made: readonly string[], release: () => void, fs: Fs): boolean {
  const isOurs = (name: string): boolean => name === CONFIG || name === CHECKPOINTS || /^lock\.\d+$/.test(name);
  const isEmptyLog = (name: string): boolean => name === METRICS && fs.read(join(path, name)).length === 0;
  try {
    const isUntouched = fs.list(path).every((name) => isOurs(name) || isEmptyLog(name));
    if (!isUntouched || fs.list(join(path, CHECKPOINTS)).length > 0) return false;
    fs.removeFolder(join(path, CHECKPOINTS));
    for (const name of [METRICS, CONFIG]) fs.remove(join(path, name));
    release();
    for (const folder of [...made].reverse()) fs.removeFolder(folder);
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false; // a folder above in which something else is by now, or trouble with the disk: this was about tidiness
  }
}

/** The names in a folder, or in the folder that a link leads to; undefined where there is none. */
function namesIn(path: string, fs: Fs): string[] | undefined {
  try {
    return fs.list(path);
  } catch (error) {
    const code = isSystemError(error) ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Throws unless nothing is in the folder but what a start leaves that was killed before it wrote the configuration. */
export function refuseIfUsed(path: string, fs: Fs = realFs): void {
  const names = namesIn(path, fs);
  const unused = names?.every((name) => name === CHECKPOINTS || /^(lock\.\d+|config\.json\.tmp)$/.test(name));
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
  if (!namesIn(path, fs)?.includes(CONFIG)) throw new RunFolderError(`${path} is no run folder: there is no ${file}`);
  return openRun(path, checkConfig(parseJson(fs.read(file), file)), { fs });
}

/** Opens a run to go on with it, and takes its lock. */
export function resumeRun(path: string, now: Date, fs: Fs = realFs): OwnedRunFolder {
  readRun(path, fs); // so that a lock is put into run folders only
  const release = lockRun(path, now, fs);
  try {
    return { ...readRun(path, fs), release, discard: () => false };
  } catch (error) {
    release();
    throw error;
  }
}

/** A run whose configuration is known already; `damaged`: manifests of which it is known that they do not load. */
export const openRun = (
  path: string,
  config: Config,
  { damaged = [], fs = realFs }: { damaged?: readonly string[]; fs?: Fs } = {},
): RunFolder => ({
  path,
  config,
  checkpoints: new CheckpointFolder(join(path, CHECKPOINTS), { keep: config.checkpoint.keep, damaged, fs }),
});

/** SHA-256 of all keys that change a bit of the result. */
export const configDigest = (config: Config): string => sha256(JSON.stringify(digested(config)));
