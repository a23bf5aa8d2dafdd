/**
 * The folder of a run: everything that a training writes, and all that is needed to resume it.
 *
 *   runs/2026-11-24-1725-emoji/
 *     config.json        the complete configuration
 *     metrics.jsonl      raw measurements (metrics.ts)
 *     checkpoint/        the newest checkpoints (checkpoint.ts)
 *     journal.jsonl      dates, commands, machines, times (journal.ts)
 *     report.html        the report, renewed while the training runs (liveReport.ts)
 *     init.json          tests of the data that the weights of --init come from (oldTests.ts)
 *     embeddings.safetensors   of the training images, if the image tower is locked (imageEmbeddings.ts)
 *     lock.1             the process that writes here (lock.ts)
 *
 * A new run gets a new folder; existing files are never overwritten.
 */
import { dirname, join } from "node:path";
import { parseJson, printable } from "../formats/index.ts";
import { CheckpointFolder, sha256 } from "./checkpoint.ts";
import { type Config, checkConfig, digested } from "./config.ts";
import { type Fs, isSystemError, makeFolders, realFs, utf8, writeDurably } from "./fs.ts";
import { lockRun, RunLockedError } from "./lock.ts";

/** A path cannot become a run folder, or is not one. */
export class RunFolderError extends Error {
  override readonly name = "RunFolderError";

  constructor(message: string, options?: ErrorOptions) {
    super(printable(message), options); // it repeats a path, which may contain control characters
  }
}

/** A run folder, open for reading. */
export interface RunFolder {
  readonly path: string;
  readonly config: Config;
  readonly checkpoints: CheckpointFolder;
}

/** A run folder that this process may write to, until it calls `release`. */
export interface OwnedRunFolder extends RunFolder {
  release(): void;
  /** If nothing was measured or trained since `createRun`, removes what it made, releases the lock and returns true. */
  discard(): boolean;
}

const CONFIG = "config.json";
const CHECKPOINTS = "checkpoint";
const METRICS = "metrics.jsonl";
const EMBEDDINGS = "embeddings.safetensors";
/** The tests of the data that the weights of a run come from. */
export const INIT_FILE = "init.json";
/** Files that a training writes as soon as it starts. */
const BEGUN = ["journal.jsonl", "report.html", INIT_FILE];
/** Files of the checkpoint of the weights that a run starts from. */
const STEP_0 = /^\d+-step-0\./;

/**
 * Throws `RunFolderError` unless a run can be made at `path`, which must be new or an empty folder. Called before any work;
 * leaves nothing behind.
 */
export function checkRunPath(path: string, fs: Fs = realFs): void {
  const made = makeRunFolder(path, fs);
  if (made.length === 0) refuseIfUsed(path, fs);
  for (const folder of made.reverse()) fs.removeFolder(folder);
}

/** Makes the folder `path`, or takes one without a run, and locks it. Throws `RunFolderError` and `RunLockedError`. */
export function createRun(path: string, config: Config, now: Date, fs: Fs = realFs): OwnedRunFolder {
  const made = makeRunFolder(path, fs);
  if (made.length === 0) refuseIfUsed(path, fs);
  const release = lockRun(path, now, fs);
  try {
    refuseIfUsed(path, fs); // another process may have used it before the lock was taken
    const checkpoints = join(path, CHECKPOINTS);
    if (!fs.isFolder(checkpoints)) fs.makeFolder(checkpoints);
    writeConfig(path, config, fs); // also syncs the names in the folder
    fs.syncFolder(dirname(path));
  } catch (error) {
    release();
    throw error;
  }
  return { ...openRun(path, config, { fs }), release, discard: () => discardRun(path, made, release, fs) };
}

/** The file of the image embeddings that a run trains on, if it locks the image tower. */
export const embeddingsFile = (path: string): string => join(path, EMBEDDINGS);

/** The files that only some trainings write. */
export interface RunFiles {
  readonly hasEmbeddings: boolean;
  readonly hasOldTests: boolean;
}

/** What a training writes into its folder, by name, with its meaning in words. */
export const runFiles = (has: RunFiles): readonly (readonly [name: string, what: string])[] => [
  [CONFIG, "the configuration"],
  [METRICS, "measurements, a line of JSON each"],
  [`${CHECKPOINTS}/`, "the newest checkpoints, and the one with the lowest loss"],
  ...(has.hasOldTests
    ? [[INIT_FILE, "tests of the data that the weights come from, before this training"] as const]
    : []),
  ...(has.hasEmbeddings ? [[EMBEDDINGS, "embeddings of the training images"] as const] : []),
  ["journal.jsonl", "dates, commands, machines and times"],
  ["report.html", "the report, renewed at every evaluation"],
];

/** Writes the configuration of a run. The run must be locked. */
export const writeConfig = (path: string, config: Config, fs: Fs = realFs): void =>
  writeDurably(fs, join(path, CONFIG), utf8(`${JSON.stringify(config, null, 2)}\n`));

/** Makes the folder; returns those that were missing, outermost first. */
function makeRunFolder(path: string, fs: Fs): string[] {
  if (path.trim() === "")
    throw new RunFolderError("--out is empty; name the folder of the run, as in --out runs/first");
  try {
    return makeFolders(fs, path);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    const isUsage = error.code === "ENOTDIR" || error.code === "ENAMETOOLONG" || error.code === "ELOOP";
    const message = `${path} cannot be created: ${error.message}; choose another --out`;
    if (isUsage) throw new RunFolderError(message, { cause: error });
    throw Object.assign(new Error(message, { cause: error }), { code: error.code });
  }
}

function discardRun(path: string, made: readonly string[], release: () => void, fs: Fs): boolean {
  const isOurs = (name: string): boolean =>
    [CONFIG, CHECKPOINTS, EMBEDDINGS, ...BEGUN].includes(name) || /^lock\.\d+$/.test(name);
  const isEmptyLog = (name: string): boolean => name === METRICS && fs.read(join(path, name)).length === 0;
  try {
    const isUntouched = fs.list(path).every((name) => isOurs(name) || isEmptyLog(name));
    const checkpoints = fs.list(join(path, CHECKPOINTS));
    if (!isUntouched || !checkpoints.every((name) => STEP_0.test(name))) return false;
    for (const name of checkpoints) fs.remove(join(path, CHECKPOINTS, name));
    fs.removeFolder(join(path, CHECKPOINTS));
    for (const name of [METRICS, EMBEDDINGS, ...BEGUN, CONFIG]) fs.remove(join(path, name));
    release();
    for (const folder of [...made].reverse()) fs.removeFolder(folder);
    return true;
  } catch (error) {
    if (!isSystemError(error)) throw error;
    return false; // a parent is in use by now, or the disk failed; this only tidies up
  }
}

/** The names in a folder, or in the target of a link; undefined if there is no folder. */
function namesIn(path: string, fs: Fs): string[] | undefined {
  try {
    return fs.list(path);
  } catch (error) {
    const code = isSystemError(error) ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}

/** Throws unless the folder is empty, but for leftovers of a start that was killed before it wrote the configuration. */
function refuseIfUsed(path: string, fs: Fs = realFs): void {
  const names = namesIn(path, fs);
  const unused = names?.every((name) => name === CHECKPOINTS || /^(lock\.\d+|config\.json\.tmp)$/.test(name));
  const checkpoints = join(path, CHECKPOINTS);
  if (unused && (!fs.isFolder(checkpoints) || fs.list(checkpoints).length === 0)) return;
  throw new RunFolderError(`${path} exists; choose another --out, or resume that run with --resume`);
}

/** The name of a run without --out: `2026-11-24-1725-emoji`. */
export function runName(preset: string, now: Date): string {
  const pad = (n: number): string => String(n).padStart(2, "0");
  const day = `${now.getFullYear()}-${pad(now.getMonth() + 1)}-${pad(now.getDate())}`;
  return `${day}-${pad(now.getHours())}${pad(now.getMinutes())}-${preset}`;
}

/** Makes a run in `parent`, named by time and preset: `2026-11-24-1725-emoji`, then `…-emoji-2`. */
export function createNextRun(
  parent: string,
  preset: string,
  config: Config,
  now: Date,
  fs: Fs = realFs,
): OwnedRunFolder {
  const name = runName(preset, now);
  for (let n = 1; ; n++) {
    try {
      return createRun(join(parent, n === 1 ? name : `${name}-${n}`), config, now, fs);
    } catch (error) {
      const taken = error instanceof RunFolderError || error instanceof RunLockedError;
      if (!taken || n === 1000) throw error;
    }
  }
}

/** Opens a run for reading. Throws `RunFolderError` if the path is not a run folder. */
export function readRun(path: string, fs: Fs = realFs): RunFolder {
  const file = join(path, CONFIG);
  const names = namesIn(path, fs);
  if (!names?.includes(CONFIG)) {
    const hasRuns = names?.some((name) => namesIn(join(path, name), fs)?.includes(CONFIG));
    const missing = `${file} does not exist${hasRuns ? "; it holds runs; name one of them" : ""}`;
    const why = names ? missing : "there is no such folder";
    throw new RunFolderError(`${path} is not a run folder: ${why}`);
  }
  return openRun(path, checkConfig(parseJson(fs.read(file), file)), { fs });
}

/** Opens a run to resume it, and takes its lock. */
export function resumeRun(path: string, now: Date, fs: Fs = realFs): OwnedRunFolder {
  readRun(path, fs); // so that only run folders get a lock
  const release = lockRun(path, now, fs);
  try {
    return { ...readRun(path, fs), release, discard: () => false };
  } catch (error) {
    release();
    throw error;
  }
}

/** A run whose configuration is known; `damaged`: manifests known not to load. */
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
