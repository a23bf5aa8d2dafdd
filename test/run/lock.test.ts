/** The lock of a run folder: one winner, whatever the order of processes and kills. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { type Fs, realFs } from "../../src/run/fs.ts";
import { lockRun, RunLockedError } from "../../src/run/lock.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const now = new Date("2026-01-02T03:04:05Z");

/** A lock file of a process as it would have written it. */
function putLock(folder: string, fields: object, name = "lock.1"): string {
  const path = join(folder, name);
  writeFileSync(
    path,
    JSON.stringify({ pid: process.pid, host: hostname(), born: null, since: now.toISOString(), ...fields }),
  );
  return path;
}

/** Whether a process still runs; a zombie does not. */
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !existsSync("/proc/self/stat") || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

const deadPid = spawnSync(process.execPath, ["-e", ""]).pid;
/** Whether a process got the lock without waiting for others. */
const won = (folder: string, fs?: Fs): boolean => {
  try {
    lockRun(folder, now, fs, () => {});
    return true;
  } catch (error) {
    if (error instanceof RunLockedError) return false;
    throw error;
  }
};

describe("lockRun", () => {
  it("refuses a second process, and says which one has the folder", () => {
    const folder = temporaryFolder();
    lockRun(folder, now);
    try {
      lockRun(folder, now);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(RunLockedError);
      expect((error as Error).message).toContain(`in use by process ${process.pid} on ${hostname()}, since 2026-01-02`);
    }
  });

  it("leaves nothing when it is released", () => {
    const folder = temporaryFolder();
    lockRun(folder, now)();
    expect(readdirSync(folder)).toEqual([]);
    expect(won(folder)).toBe(true);
  });

  it("takes over from a process that has ended", () => {
    const folder = temporaryFolder();
    putLock(folder, { pid: deadPid });
    expect(won(folder)).toBe(true);
    expect(readdirSync(folder)).toEqual(["lock.2"]);
  });

  it.runIf(existsSync("/proc/self/stat"))("takes over when the number now belongs to another process", () => {
    const folder = temporaryFolder();
    putLock(folder, { born: "1" });
    expect(won(folder)).toBe(true);
  });

  it("does not take over from processes of another machine", () => {
    const folder = temporaryFolder();
    const path = putLock(folder, { pid: deadPid, host: `not-${hostname()}` });
    expect(() => lockRun(folder, now)).toThrow(`if that has ended, delete ${path}`);
  });

  it("takes over after a reboot, though a process has the same number", () => {
    const folder = temporaryFolder();
    putLock(folder, { boot: "another" });
    expect(won(folder)).toBe(existsSync("/proc/sys/kernel/random/boot_id"));
  });

  it("says how to remove a lock whose number now belongs to another process", () => {
    const folder = temporaryFolder();
    const path = putLock(folder, {});
    expect(() => lockRun(folder, now)).toThrow(`if that process is not siglip, delete ${path}`);
  });

  it("accepts locks without the identity of the boot", () => {
    const folder = temporaryFolder();
    putLock(folder, {}); // without `boot`
    expect(won(folder)).toBe(false);
    rmSync(join(folder, "lock.1"));
    putLock(folder, { pid: deadPid });
    expect(won(folder)).toBe(true);
  });

  it.runIf(existsSync("/proc/self/stat"))("takes over from a zombie, which nobody has waited for", async () => {
    const folder = temporaryFolder();
    // The shell starts a process that ends at once, and becomes a program that never waits for it: a zombie.
    const parent = spawn("sh", ["-c", "sleep 0.2 & echo $!; exec sleep 60"]);
    try {
      const pid = Number(await new Promise((done) => parent.stdout.once("data", done)));
      await vi.waitFor(() => expect(readFileSync(`/proc/${pid}/stat`, "latin1")).toMatch(/\) Z /), 10_000);
      putLock(folder, { pid });
      expect(won(folder)).toBe(true);
    } finally {
      parent.kill("SIGKILL");
    }
  });

  it("waits a moment for a process that is about to end", async () => {
    const folder = temporaryFolder();
    const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60000)"]);
    putLock(folder, { pid: child.pid });
    let waits = 0;
    lockRun(folder, now, undefined, () => {
      if (++waits !== 3) return;
      child.kill("SIGKILL");
      while (isRunning(child.pid as number));
    });
    expect(waits).toBe(3);
    expect(readdirSync(folder)).toEqual(["lock.2"]);
  });

  it("waits no longer than a second for a process that stays", () => {
    const folder = temporaryFolder();
    putLock(folder, { pid: process.ppid });
    let waited = 0;
    const wait = (ms: number): void => {
      waited += ms;
    };
    expect(() => lockRun(folder, now, undefined, wait)).toThrow(RunLockedError);
    expect(waited).toBe(1000);
  });

  it.each(["", "{", "[]", '{"pid": -1}', '{"pid": "1", "host": "x"}'])(
    "waits for the writer of a lock that holds %j, but not for ever, whatever its date",
    (text) => {
      const folder = temporaryFolder();
      const path = join(folder, "lock.1");
      writeFileSync(path, text);
      utimesSync(path, now, new Date(Date.now() + 1e9));
      const writes = (ms: number): void => {
        if (ms > 0) putLock(folder, {});
      };
      expect(() => lockRun(folder, now, undefined, writes)).toThrow(RunLockedError);
      writeFileSync(path, text);
      expect(won(folder)).toBe(true);
      expect(readdirSync(folder)).toEqual(["lock.2"]);
    },
  );

  it("names a folder that has the name of a lock", () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, "lock.1"));
    expect(() => lockRun(folder, now)).toThrow(
      /lock\.1 has the name of a lock but is not a regular file; move it away/,
    );
    expect(readdirSync(folder)).toEqual(["lock.1"]);
  });

  it("does not mistake a lock that cannot be read for an empty one", () => {
    const folder = temporaryFolder();
    putLock(folder, {});
    const read = (): never => {
      throw Object.assign(new Error("EIO: i/o error"), { code: "EIO" });
    };
    expect(() => lockRun(folder, now, { ...realFs, read })).toThrow("EIO");
    expect(readdirSync(folder)).toEqual(["lock.1"]);
  });
});

describe("of several processes", () => {
  /** A disk that lets another process run just before operation `at`. */
  function interrupted(at: number, other: () => void): { fs: Fs; operations: () => number } {
    let count = 0;
    const step = <A extends unknown[], R>(act: (...args: A) => R) => {
      return (...args: A): R => {
        if (count++ === at) other();
        return act(...args);
      };
    };
    const { read, list, open, write, close, remove } = realFs;
    const watched = {
      read: step(read),
      list: step(list),
      open: step(open),
      write: step(write),
      close: step(close),
      remove: step(remove),
    };
    return { fs: { ...realFs, ...watched }, operations: () => count };
  }

  /** A process that takes the lock, if it can, and ends. */
  const liveShortly = (folder: string): void => {
    if (won(folder)) for (const name of readdirSync(folder)) rmSync(join(folder, name));
  };

  it.each([
    ["in a new folder", undefined, false],
    ["where one was killed", { pid: deadPid }, false],
    ["where one was killed and another came and went", { pid: deadPid }, true],
  ])("that interrupt each other anywhere, at most one holds the folder %s", (_name, stale, livedBetween) => {
    let switches = 0;
    let winners = 0;
    for (let first = 0; ; first++) {
      let reached = false;
      for (let second = 0; ; second++) {
        const folder = temporaryFolder();
        if (stale !== undefined) putLock(folder, stale);
        const held: boolean[] = [];
        const inner = interrupted(second, () => held.push(won(folder)));
        const outer = interrupted(first, () => {
          reached = true;
          if (livedBetween) liveShortly(folder);
          held.push(won(folder, inner.fs));
        });
        held.push(won(folder, outer.fs));
        const count = held.filter(Boolean).length;
        expect(count).toBeLessThanOrEqual(1);
        winners += count;
        switches++;
        if (inner.operations() <= second) break; // the inner one was not interrupted: all places are done
      }
      if (!reached) break;
    }
    expect(switches).toBeGreaterThan(20);
    expect(winners).toBeGreaterThan(switches / 2);
  });

  it("that start at the same moment, exactly one wins, and another one after it was killed", {
    timeout: 30_000,
  }, async () => {
    const folder = temporaryFolder();
    const child = join(import.meta.dirname, "../support/takeLock.ts");
    const typescript = process.features.typescript ? [] : ["--import", "tsx"];
    const round = async (): Promise<string[]> => {
      const moment = String(Date.now() + 1500);
      const children = Array.from({ length: 5 }, () => spawn(process.execPath, [...typescript, child, folder, moment]));
      const answers = children.map(
        (process) => new Promise<string>((done) => process.stdout.once("data", (data) => done(String(data)))),
      );
      const given = await Promise.all(answers);
      const ended = children.map((process) => new Promise((done) => process.once("exit", done)));
      for (const process of children) process.kill("SIGKILL");
      await Promise.all(ended);
      return given.sort();
    };
    expect(await round()).toEqual(["lost", "lost", "lost", "lost", "won"]);
    expect(await round()).toEqual(["lost", "lost", "lost", "lost", "won"]);
  });
});
