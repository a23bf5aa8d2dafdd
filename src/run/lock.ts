/**
 * One process at a time in a run folder.
 *
 * A lock is a file `lock.<n>` that names its process. If the processes of all locks have ended, the next process creates
 * `lock.<n + 1>`: exclusive creation has one winner, on network file systems too. Then it checks again, and withdraws if
 * another living process has a lock. Of two processes that start at the same time, the one that creates its file later sees
 * the other's, so two never hold the folder at once. No stale lock has to be deleted before it can be replaced, which is
 * where such schemes go wrong.
 *
 * An unreadable lock (its writer lost power, or has not written it yet) does not hold the folder: every writer checks again
 * after writing, also that its own lock still exists with its own text, and withdraws otherwise. A process waits a moment
 * for an unreadable lock, and for a holder, which may be about to end.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { FormatError, isJsonRecord, parseJson } from "../formats/index.ts";
import { type Fs, isSystemError, realFs, utf8, writeAll } from "./fs.ts";

/** Another process holds the run folder. */
export class RunLockedError extends Error {
  override readonly name = "RunLockedError";
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** Start of the process, if the system provides it: process numbers are reused. */
  readonly born: string | null;
  /** Identity of the boot, if the system provides it: process numbers and start times begin anew with each. */
  readonly boot: string | null;
  /** When the lock was taken, for people. */
  readonly since: string;
}

const NAME = /^lock\.(\d{1,9})$/;
/** Time for a killed process to end, and for an unreadable lock to be written. */
const PATIENCE_MS = 1000;
const LOOK_EVERY_MS = 50;

const sleep = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/**
 * Takes the lock of a run folder and returns a function that releases it. Throws `RunLockedError` if another process holds
 * it. `wait` blocks for some milliseconds.
 */
export function lockRun(folder: string, now: Date, fs: Fs = realFs, wait: (ms: number) => void = sleep): () => void {
  const present = fs.list(folder).filter((name) => NAME.test(name));
  for (const name of present) refuseIfHeld(folder, name, fs, wait);
  const mine = `lock.${Math.max(0, ...present.map(numberOf)) + 1}`;
  const path = join(folder, mine);
  const text = create(folder, path, now, fs);
  const release = (): void => {
    if (holds(path, text, fs)) fs.remove(path);
  };
  try {
    for (const name of fs.list(folder)) {
      if (!NAME.test(name) || name === mine) continue;
      refuseIfHeld(folder, name, fs, wait);
      fs.remove(join(folder, name));
    }
    if (!holds(path, text, fs)) throw takenJustNow(folder);
  } catch (error) {
    release();
    throw error;
  }
  return release;
}

/** Whether a process keeps a lock of a run folder, or may keep one on another machine. */
export const isInUse = (folder: string, fs: Fs = realFs): boolean =>
  fs
    .list(folder)
    .filter((name) => NAME.test(name))
    .map((name) => read(join(folder, name), fs))
    .some((holder) => typeof holder === "object" && (holder.host !== hostname() || isAlive(holder)));

const numberOf = (name: string): number => Number(NAME.exec(name)![1]);

const takenJustNow = (folder: string): RunLockedError =>
  new RunLockedError(`${folder} was just taken by another process; use another --out`);

/** Creates a lock file and returns its text, which is unique. */
function create(folder: string, path: string, now: Date, fs: Fs): string {
  let file: number;
  try {
    file = fs.open(path, "new");
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    throw takenJustNow(folder);
  }
  const { pid } = process;
  const holder: Holder = { pid, host: hostname(), born: bornAt(pid), boot: bootId(), since: now.toISOString() };
  const text = `${JSON.stringify({ ...holder, id: randomUUID() })}\n`;
  try {
    writeAll(fs, file, utf8(text));
  } finally {
    fs.close(file);
  }
  return text;
}

/** Whether the lock at this path exists and has this text. */
function holds(path: string, text: string, fs: Fs): boolean {
  try {
    return new TextDecoder().decode(fs.read(path)) === text;
  } catch (error) {
    if (error instanceof FormatError || isSystemError(error)) return false;
    throw error;
  }
}

/** Throws if a living process keeps this lock, or if the lock is from another machine. */
function refuseIfHeld(folder: string, name: string, fs: Fs, wait: (ms: number) => void): void {
  const path = join(folder, name);
  for (let waited = 0; ; waited += LOOK_EVERY_MS) {
    const holder = read(path, fs);
    if (holder === "gone") return;
    const isOver = waited >= PATIENCE_MS;
    if (holder === "unreadable") {
      if (isOver) return;
    } else {
      const who = `process ${holder.pid} on ${holder.host}, since ${holder.since}`;
      if (holder.host !== hostname()) {
        throw new RunLockedError(`${folder} is in use by ${who}; if that has ended, delete ${path}`);
      }
      if (!isAlive(holder)) return;
      if (isOver || holder.pid === process.pid) {
        const how = `stop it or use another --out; if that process is not siglip, delete ${path}`;
        throw new RunLockedError(`${folder} is in use by ${who}; ${how}`);
      }
    }
    wait(LOOK_EVERY_MS);
  }
}

function read(path: string, fs: Fs): Holder | "gone" | "unreadable" {
  try {
    const record = parseJson(fs.read(path), path);
    if (!isJsonRecord(record)) return "unreadable";
    const { pid, host, born, boot = null, since } = record; // early locks have no `boot`
    const isHolder = typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 && typeof host === "string";
    if (!isHolder || !isTextOrNull(born) || !isTextOrNull(boot) || typeof since !== "string") return "unreadable";
    return { pid, host, born, boot, since };
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return "gone";
    if (!(error instanceof FormatError)) throw error;
    if (error.code !== "NOT_A_REGULAR_FILE") return "unreadable";
    throw new RunLockedError(`${path} has the name of a lock but is not a regular file; move it away`);
  }
}

const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === "string";

function isAlive({ pid, born, boot }: Holder): boolean {
  const current = bootId();
  if (boot !== null && current !== null && boot !== current) return false;
  const stat = statOf(pid);
  // Z: a zombie has ended and waits for its parent; X: dead.
  if (stat !== undefined && /^[ZX]/.test(stat.state)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as { code?: string }).code !== "EPERM") return false; // EPERM: it is alive and belongs to another user
  }
  return born === null || stat === undefined || born === stat.born;
}

const bornAt = (pid: number): string | null => statOf(pid)?.born ?? null;

/**
 * From /proc/<pid>/stat: field 3, the state as a letter, and field 22, the start of the process in clock ticks since boot.
 * Undefined if there is no /proc.
 */
function statOf(pid: number): { readonly state: string; readonly born: string } | undefined {
  const text = textOf(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the name in field 2 may contain spaces and brackets
  return { state: fields[0], born: fields[19] };
}

/** Identity of this boot of the machine; null if the system has none. */
const bootId = (): string | null => textOf("/proc/sys/kernel/random/boot_id")?.trim() ?? null;

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
