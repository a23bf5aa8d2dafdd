/**
 * A fault of one device ends the run soon, with its rank, step, operation and cause; no thread stays behind.
 *
 * Tests every kind once, with alternating ranks and operations; `npm run test:faults` runs all combinations.
 */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { describe, expect, it } from "vitest";
import { DeviceError } from "../../src/parallel/index.ts";
import { launch, threadFile } from "../../src/parallel/launch.ts";
import type { GreetingJob } from "../support/devices/greeting.ts";
import { KINDS, OPS } from "../support/faultKinds.ts";
import { complaints, countThreads, runFault } from "../support/faults.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const SIZE = 3;

/** Runs a program of test/support in its own process. */
function start(program: string, ...args: string[]) {
  const loader = process.features.typescript ? [] : ["--import", "tsx"];
  const file = fileURLToPath(new URL(`../support/${program}.ts`, import.meta.url));
  return spawn(process.execPath, [...loader, file, ...args], { stdio: ["ignore", "pipe", "inherit"] });
}

describe("a device that", { timeout: 30_000 }, () => {
  it.each(KINDS.map((kind, i) => [kind, i % SIZE, OPS[(i + 2) % OPS.length]] as const))(
    "%s ends the run: rank %i, %s",
    async (kind, rank, op) => {
      const fault = { kind, rank, op };
      // Two ranks are enough if the faulty rank reports itself.
      const size = Math.max(rank + 1, KINDS.indexOf(kind) < KINDS.indexOf("loops") ? 2 : SIZE);
      expect(complaints(fault, size, await runFault(fault, size))).toEqual([]);
    },
  );

  it.each([
    ["loops", 7],
    ["skips", 5],
  ] as const)("%s is found among eight on two cores: rank %i", async (kind, rank) => {
    const fault = { kind, rank, op: "allGather" } as const;
    expect(complaints(fault, 8, await runFault(fault, 8))).toEqual([]);
  });

  it.each(["throws", "skips"] as const)("%s is found by the only other rank", async (kind) => {
    const fault = { kind, rank: 1, op: "shift" } as const;
    expect(complaints(fault, 2, await runFault(fault, 2))).toEqual([]);
  });

  it("sends a flipped bit goes unnoticed if messages are not verified", async () => {
    const { error } = await runFault({ kind: "sends a flipped bit", rank: 0, op: "shift" }, 2, false);
    expect(error.message).toBe("nothing failed: done,done");
  });

  it("holds a flipped bit is found, and with two ranks neither is blamed", async () => {
    const { error } = await runFault({ kind: "holds a flipped bit", rank: 1, op: "shift" }, 2, false);
    expect(error.message).toMatch(/CorruptionError: after step 2: ranks 0 and 1 hold different bits, in held;/);
  });

  it("does nothing wrong raises no alarm", async () => {
    const { error } = await runFault({ kind: "none", rank: 0, op: "shift" }, SIZE);
    expect(error.message).toBe("nothing failed: done,done,done");
  });

  it.runIf(process.platform === "linux")("blocks in a system call is reported, though it cannot be ended", async () => {
    const path = join(temporaryFolder(), "pipe");
    execFileSync("mkfifo", [path]);
    const { error, took, threadsLeft } = await runFault({ kind: "reads for ever", rank: 1, op: "barrier", path }, SIZE);
    closeSync(openSync(path, "w")); // the end of the file lets it go
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toMatch(/^launch: rank 1 failed at step 2, .*DeadlineError/);
    expect(took).toBeLessThan(4000);
    expect(threadsLeft).toBe(1);
  });
});

it("a device whose thread is terminated from outside ends the run", { timeout: 30_000 }, async () => {
  const { value, left } = await countThreads(async () => {
    const workers: Worker[] = [];
    const note = (worker: Worker) => workers.push(worker);
    process.on("worker", note);
    const file = threadFile("../support/devices/greeting", import.meta.url);
    const job: GreetingJob = { act: "wait for the other", word: "" };
    const { results } = launch<GreetingJob, unknown, string>(file, 2, job, {
      onReport: () => void workers[1].terminate(),
    });
    return results.catch((reason: Error) => reason).finally(() => process.off("worker", note));
  });
  expect(value).toBeInstanceOf(DeviceError);
  expect((value as Error).message).toMatch(/^launch: rank 1 failed .* the thread ended with exit code 1/);
  expect(left).toBe(0);
});

it.runIf(process.platform !== "win32")(
  "a program that was stopped and goes on raises no alarm",
  { timeout: 60_000 },
  async () => {
    const child = start("healthyProgram");
    let said = "";
    const begun = new Promise<void>((resolve) => {
      child.stdout.on("data", (chunk) => {
        said += chunk;
        resolve();
      });
    });
    const ended = new Promise((resolve) => child.once("close", resolve));
    await begun;
    child.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 2000)); // twice the deadline
    child.kill("SIGCONT");
    expect(await ended).toBe(0);
    expect(said).toBe("running\nall right\n");
  },
);

describe("after a fault", { timeout: 30_000 }, () => {
  it.each(["throws", "loops"])("nothing keeps the program from ending: %s", async (kind) => {
    const child = start("faultProgram", kind);
    let rejected = Number.NaN;
    child.stdout.on("data", () => {
      rejected = performance.now();
    });
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect(code).toBe(0);
    expect(performance.now() - rejected).toBeLessThan(2000);
  });
});
