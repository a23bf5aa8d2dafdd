/**
 * One process at a time in a run folder.
 *
 * A lock is a file `lock.<n>` that says who made it. Where all of them belong to processes that are gone, the next process
 * makes `lock.<n + 1>`: creating a file that must not exist has one winner, on network file systems as well. After that it
 * looks again, and withdraws if another lock of a living process is there. Of two that come at the same time, the one that
 * creates its file later sees the other's; so two never hold the folder at once, and no stale lock has to be deleted
 * before it can be replaced, which is where such schemes go wrong.
 */
import { readFileSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isJsonRecord, parseJson } from "../formats/index.ts";
import { EXIT, type ExitCode } from "./exitCodes.ts";
import { type Fs, realFs, utf8, writeAll } from "./fs.ts";

export class RunLockedError extends Error {
  override readonly name = "RunLockedError";
  readonly exitCode: ExitCode = EXIT.locked;
}

interface Holder {
  readonly pid: number;
  readonly host: string;
  /** When the process of this number began, where the system tells: numbers are used again. */
  readonly born: string | null;
  /** When the lock was taken: for people. */
  readonly since: string;
}

const NAME = /^lock\.(\d+)$/;
const WRITING_MS = 10_000; // a lock is written at once; one that is empty for longer belongs to nobody

/** Takes the lock of a run folder and returns how to give it back. Throws `RunLockedError` when a process has it. */
export function lockRun(folder: string, now: Date, fs: Fs = realFs): () => void {
  const present = fs.list(folder).filter((name) => NAME.test(name));
  for (const name of present) refuseIfHeld(folder, name, fs);
  const mine = `lock.${Math.max(0, ...present.map(numberOf)) + 1}`;
  create(folder, mine, now, fs);
  const release = (): void => fs.remove(join(folder, mine));
  try {
    for (const name of fs.list(folder)) {
      if (!NAME.test(name) || name === mine) continue;
      refuseIfHeld(folder, name, fs);
      fs.remove(join(folder, name));
    }
  } catch (error) {
    release();
    throw error;
  }
  return release;
}

const numberOf = (name: string): number => Number(NAME.exec(name)![1]);

function create(folder: string, name: string, now: Date, fs: Fs): void {
  const path = join(folder, name);
  let file: number;
  try {
    file = fs.open(path, "new");
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
    throw new RunLockedError(`${folder} was taken by another process at this moment; use another --out`);
  }
  const holder: Holder = { pid: process.pid, host: hostname(), born: bornAt(process.pid), since: now.toISOString() };
  try {
    writeAll(fs, file, utf8(`${JSON.stringify(holder)}\n`));
  } finally {
    fs.close(file);
  }
}

/** Throws when a living process holds this lock, or when that cannot be told from here. */
function refuseIfHeld(folder: string, name: string, fs: Fs): void {
  const path = join(folder, name);
  const holder = read(path, fs);
  if (holder === "gone") return;
  if (holder === "unreadable") {
    if (ageOf(path) > WRITING_MS) return;
    throw new RunLockedError(`${folder} was taken by another process at this moment; use another --out`);
  }
  const who = `process ${holder.pid} on ${holder.host}, since ${holder.since}`;
  if (holder.host !== hostname()) {
    throw new RunLockedError(`${folder} is in use by ${who}; if that has ended, delete ${path}`);
  }
  if (isAlive(holder)) throw new RunLockedError(`${folder} is in use by ${who}; stop it or use another --out`);
}

function read(path: string, fs: Fs): Holder | "gone" | "unreadable" {
  try {
    const record = parseJson(fs.read(path), path);
    if (!isJsonRecord(record)) return "unreadable";
    const { pid, host, born, since } = record;
    const isHolder = typeof pid === "number" && Number.isSafeInteger(pid) && pid > 0 && typeof host === "string";
    if (!isHolder || (born !== null && typeof born !== "string") || typeof since !== "string") return "unreadable";
    return { pid, host, born, since };
  } catch (error) {
    return (error as { code?: string }).code === "ENOENT" ? "gone" : "unreadable";
  }
}

function ageOf(path: string): number {
  const stat = statSync(path, { throwIfNoEntry: false });
  return stat === undefined ? Number.POSITIVE_INFINITY : Date.now() - stat.mtimeMs;
}

function isAlive({ pid, born }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === "EPERM"; // it lives, and belongs to somebody else
  }
  const now = bornAt(pid);
  return born === null || now === null || born === now;
}

/** Field 22 of /proc/<pid>/stat: the start of the process in clock ticks since boot. Null where there is no /proc. */
function bornAt(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]; // the name in field 2 may hold spaces and brackets
  } catch {
    return null;
  }
}
