/**
 * What goes wrong on one device ends the run, soon, with its rank, step, operation and cause; no thread stays behind.
 *
 * Every kind once here, with ranks and operations in turn; `npm run test:faults` goes through all of them.
 */
import { execFileSync, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DeviceError } from "../../src/parallel/index.ts";
import { KINDS, OPS } from "../support/faultKinds.ts";
import { complaints, runFault } from "../support/faults.ts";
import { temporaryFolder } from "../support/temporaryFolder.ts";

const SIZE = 3;

describe("a device that", { timeout: 30_000 }, () => {
  it.each(KINDS.map((kind, i) => [kind, i % SIZE, OPS[(i + 2) % OPS.length]] as const))(
    "%s ends the run: rank %i, %s",
    async (kind, rank, op) => {
      const fault = { kind, rank, op };
      expect(complaints(fault, SIZE, await runFault(fault, SIZE))).toEqual([]);
    },
  );

  it.each([
    ["throws", 2],
    ["loops", 7],
    ["skips", 5],
  ] as const)("%s is found among eight on two cores: rank %i", async (kind, rank) => {
    const fault = { kind, rank, op: "allGather" } as const;
    expect(complaints(fault, 8, await runFault(fault, 8))).toEqual([]);
  });

  it.each(["throws", "skips", "loops"] as const)("%s is found by the only other: rank 1 of two", async (kind) => {
    const fault = { kind, rank: 1, op: "shift" } as const;
    expect(complaints(fault, 2, await runFault(fault, 2))).toEqual([]);
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

describe("after a fault", { timeout: 30_000 }, () => {
  it.each(["throws", "loops", "exits with 0", "skips"])("nothing keeps the program from ending: %s", async (kind) => {
    const loader = process.features.typescript ? [] : ["--import", "tsx"];
    const program = fileURLToPath(new URL("../support/faultProgram.ts", import.meta.url));
    const child = spawn(process.execPath, [...loader, program, kind], { stdio: ["ignore", "pipe", "inherit"] });
    let rejected = Number.NaN;
    child.stdout.on("data", () => {
      rejected = performance.now();
    });
    const code = await new Promise((resolve) => child.once("exit", resolve));
    expect(code).toBe(0);
    expect(performance.now() - rejected).toBeLessThan(2000);
  });
});
