/**
 * One process at a time in a run folder.
 *
 * A lock is a file `lock.<n>` that says who made it. Where all of them belong to processes that are gone, the next process
 * makes `lock.<n + 1>`: creating a file that must not exist has one winner, on network file systems as well. After that it
 * looks again, and withdraws if another lock of a living process is there. Of two that come at the same time, the one that
 * creates its file later sees the other's; so two never hold the folder at once, and no stale lock has to be deleted
 * before it can be replaced, which is where such schemes go wrong.
 *
 * A lock that says nothing (its writer lost power, or has not written it yet) holds nothing either: whoever writes one looks
 * again after that, also for its own, which may have been removed and the name been used again, and withdraws. It is waited
 * for a moment, and so is a process that has the folder: it may be on its way out.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { FormatError, isJsonRecord, parseJson } from "../formats/index.ts";
import { type Fs, isSystemError, realFs, utf8, writeAll } from "./fs.ts";

export class RunLockedError extends Error {
  override readonly name = "RunLockedError";
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process of this number began, where the system tells: numbers are used again. */
  readonly born: string | null;
  /** Which start of the machine that was, where the system tells: numbers and times of birth begin anew with each. */
  readonly boot: string | null;
  /** When the lock was taken: for people. */
  readonly since: string;
}

const NAME = /^lock\.(\d{1,9})$/;
/** What is waited for: the end of a process that has been killed, and the writer of a lock that says nothing yet. */
const PATIENCE_MS = 1000;
const LOOK_EVERY_MS = 50;

const sleep = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/**
 * Takes the lock of a run folder and returns how to give it back. Throws `RunLockedError` when a process has it. `wait` lets
 * some milliseconds pass.
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

const numberOf = (name: string): number => Number(NAME.exec(name)![1]);

const takenJustNow = (folder: string): RunLockedError =>
  new RunLockedError(`${folder} was taken by another process at this moment; use another --out`);

/** Makes a lock, and returns what it says, which no other lock does. */
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

/** Whether the lock at this path is there and says this. */
function holds(path: string, text: string, fs: Fs): boolean {
  try {
    return new TextDecoder().decode(fs.read(path)) === text;
  } catch (error) {
    if (error instanceof FormatError || isSystemError(error)) return false;
    throw error;
  }
}

/** Throws when a living process holds this lock and goes on to, or when that cannot be told from here. */
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
    const { pid, host, born, boot = null, since } = record; // the first locks had no `boot`
    const isHolder = typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 && typeof host === "string";
    if (!isHolder || !isTextOrNull(born) || !isTextOrNull(boot) || typeof since !== "string") return "unreadable";
    return { pid, host, born, boot, since };
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return "gone";
    if (!(error instanceof FormatError)) throw error;
    if (error.code !== "NOT_A_REGULAR_FILE") return "unreadable";
    throw new RunLockedError(`${path} is in the place of a lock and is not a regular file; move it away`);
  }
}

const isTextOrNull = (value: unknown): value is string | null => value === null || typeof value === "string";

function isAlive({ pid, born, boot }: Holder): boolean {
  const current = bootId();
  if (boot !== null && current !== null && boot !== current) return false;
  const stat = statOf(pid);
  // A zombie has ended, and waits for its parent to notice; X is the moment after that.
  if (stat !== undefined && /^[ZX]/.test(stat.state)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as { code?: string }).code !== "EPERM") return false; // with EPERM it lives, and belongs to somebody else
  }
  return born === null || stat === undefined || born === stat.born;
}

const bornAt = (pid: number): string | null => statOf(pid)?.born ?? null;

/**
 * From /proc/<pid>/stat, field 3: the state as a letter, and field 22: the start of the process in clock ticks since boot.
 * Undefined where there is no /proc.
 */
function statOf(pid: number): { readonly state: string; readonly born: string } | undefined {
  const text = textOf(`/proc/${pid}/stat`);
  if (text === undefined) return undefined;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" "); // the name in field 2 may hold spaces and brackets
  return { state: fields[0], born: fields[19] };
}

/** A name for the time since the machine was started. Null where the system has none. */
const bootId = (): string | null => textOf("/proc/sys/kernel/random/boot_id")?.trim() ?? null;

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return undefined;
  }
}
