import { describe, expect, it } from "vitest";
import { AbortedError, DeviceError } from "../../src/parallel/index.ts";
import { type LaunchOptions, launch, threadFile } from "../../src/parallel/launch.ts";
import type { Greeting, GreetingJob } from "../support/devices/greeting.ts";
import { countThreads } from "../support/faults.ts";

const start = (job: GreetingJob, size = 2, options: LaunchOptions<string> = {}) =>
  launch<GreetingJob, Greeting, string>(threadFile("../support/devices/greeting", import.meta.url), size, job, options);

/** The error that a promise is rejected with. */
const reasonOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    (value) => new Error(`it was not rejected: ${value}`),
    (reason: Error) => reason,
  );

describe("launch", { timeout: 30_000 }, () => {
  it("returns what every rank returned, by rank, and leaves no thread", async () => {
    const { value, left } = await countThreads(() => start({ act: "return", word: "hello" }, 3).results);
    expect(value).toEqual([0, 1, 2].map((rank) => ({ rank, size: 3, word: "hello" })));
    expect(left).toBe(0);
  });

  it("waits for programs that promise their result", async () => {
    const results = await start({ act: "promise", word: "later" }).results;
    expect(results.map(({ word }) => word)).toEqual(["later", "later"]);
  });

  it("passes on the reports of devices, with their rank, in order", async () => {
    const heard: string[][] = [[], []];
    await start({ act: "report", word: "a b c" }, 2, { onReport: (report, rank) => heard[rank].push(report) }).results;
    expect(heard).toEqual([["a", "b", "c"], ["a", "b", "c"]]); // biome-ignore format: a rank each
  });

  it.each([1, 2, 4])("tells %i devices of every step that rank 0 marks, and of no other", async (size) => {
    const word = "1 2 3 7 20 21 40";
    const results = await start({ act: "marked steps", word }, size).results;
    expect(results.map((result) => result.word)).toEqual(new Array(size).fill(word));
  });

  it.each([1, 2, 4])("stops %i devices after the same step, whenever it is asked to", async (size) => {
    for (const ms of [0, 3, 17]) {
      let running = 0;
      const launched = start({ act: "until stopped", word: "enough" }, size, {
        onReport: () => {
          if (++running === size) setTimeout(() => launched.stop(), ms);
        },
      });
      const results = await launched.results;
      expect(results.map(({ word }) => word)).toEqual(new Array(size).fill("enough"));
      expect(new Set(results.map(({ step }) => step)).size).toBe(1);
      expect(results[0].step).toBeGreaterThan(0);
    }
  });

  it("ends devices that wait for ever when the run is aborted, and says so", async () => {
    const { value, left } = await countThreads(async () => {
      let running = (): void => {};
      const begun = new Promise<void>((resolve) => {
        running = resolve;
      });
      const launched = start({ act: "wait for the other", word: "" }, 2, { onReport: () => running() });
      await begun;
      const before = performance.now();
      await launched.abort();
      expect(performance.now() - before).toBeLessThan(2000);
      return reasonOf(launched.results);
    });
    expect(value).toBeInstanceOf(AbortedError);
    expect(value.message).toBe("launch: the run was aborted");
    expect(left).toBe(0);
  });

  it("blames the rank that does not come, even if the other has enough other work while it waits", async () => {
    const reason = await reasonOf(start({ act: "do other work for ever", word: "" }, 2, { deadline: 500 }).results);
    expect(reason).toBeInstanceOf(DeviceError);
    expect(reason.message).toMatch(
      /rank 1 failed .*rank 0 waited 0\.\d s in barrier .* for rank 1, .*--deadline SECONDS/,
    );
  });

  it("may be aborted after its end, and twice", async () => {
    const launched = start({ act: "return", word: "" });
    await launched.results;
    await launched.abort();
    await launched.abort();
    expect((await launched.results).length).toBe(2);
  });

  it("ends a thread that has returned but keeps a timer", async () => {
    const { value, left } = await countThreads(() => start({ act: "leave a timer", word: "x" }).results);
    expect(value.length).toBe(2);
    expect(left).toBe(0);
  });

  it("says what a device threw: its name, its message and its own fields", async () => {
    const reason = await reasonOf(start({ act: "throw", word: "the reason" }).results);
    expect(reason).toBeInstanceOf(DeviceError);
    expect(reason.message).toBe("launch: rank 1 failed at step 7, before its first message: GreetingError: the reason");
    expect(reason.cause).toMatchObject({ name: "GreetingError", message: "the reason", detail: 42 });
    expect((reason.cause as Error).stack).toContain("greeting.ts");
  });

  it("says what a device threw even if a field of it cannot be sent", async () => {
    const reason = await reasonOf(start({ act: "throw a function", word: "the reason" }).results);
    expect(reason.message).toMatch(/rank 1 failed .*: GreetingError: the reason/);
  });

  it("says when a result cannot be sent", async () => {
    const reason = await reasonOf(start({ act: "return a function", word: "" }).results);
    expect(reason).toBeInstanceOf(DeviceError);
    expect(reason.message).toMatch(/could not be cloned/);
  });

  it("says when the file of the program cannot be loaded", async () => {
    const { value, left } = await countThreads(() =>
      reasonOf(launch(threadFile("./nowhere", import.meta.url), 2, {}).results),
    );
    expect(value).toBeInstanceOf(DeviceError);
    expect(value.message).toMatch(/before its first message: .*nowhere/);
    expect(left).toBe(0);
  });

  it("counts the deadline from when all are there, not from their start", async () => {
    const results = await start({ act: "slow to load", word: "x" }, 2, { deadline: 700 }).results; // loads for 2 s
    expect(results.length).toBe(2);
  });

  it("ends a run in which no device sends a heartbeat", async () => {
    const reason = await reasonOf(start({ act: "loop", word: "" }, 2, { deadline: 500 }).results);
    expect(reason).toBeInstanceOf(DeviceError);
    expect(reason.message).toMatch(/DeadlineError: no device sent a heartbeat for 1\.\d s/);
  });

  it("lets a device that allocates work for longer than the deadline, and ranks wait for it, also indirectly", async () => {
    const results = await start({ act: "work while others wait", word: "x" }, 4, { deadline: 800 }).results;
    expect(results.length).toBe(4);
  });

  it("names in time the hanging rank while another works for which no rank waits", async () => {
    const before = performance.now();
    const reason = await reasonOf(start({ act: "loop while another works", word: "" }, 3, { deadline: 800 }).results);
    expect(reason.message).toMatch(/rank 1 failed .*DeadlineError: rank \d waited \d\.\d s in barrier .* for rank 1,/);
    expect(performance.now() - before).toBeLessThan(15_000); // the other works for 20 s
  });

  it("detects at once a rank that returns while another goes on", async () => {
    const reason = await reasonOf(start({ act: "return early", word: "" }, 2, { deadline: 10_000 }).results);
    expect(reason.message).toMatch(/DesyncError: message 1: rank \d is in (barrier|allGather)/);
  });

  it.each(["throw late", "reject late"] as const)("fails when a device that has returned does: %s", async (act) => {
    const { value, left } = await countThreads(() => reasonOf(start({ act, word: "too late" }).results));
    expect(value).toBeInstanceOf(DeviceError);
    expect(value.message).toMatch(/too late/);
    expect(left).toBe(0);
  });

  it.each([0, -1, 1.5, 65, Number.NaN])("refuses %d devices", (size) => {
    expect(() => start({ act: "return", word: "" }, size)).toThrow(RangeError);
  });
});
