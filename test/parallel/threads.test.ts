/** Results of collectives on real threads under disturbances (see test/support/devices), and a wait in one thread. */
import { setTimeout } from "node:timers/promises";
import { afterEach, describe, expect, it, vi } from "vitest";
import { Control } from "../../src/parallel/control.ts";
import { controlBlock } from "../../src/parallel/controlBlock.ts";
import { DeadlineError } from "../../src/parallel/index.ts";
import { type LaunchOptions, launch, threadFile } from "../../src/parallel/launch.ts";
import { ThreadCommunicator } from "../../src/parallel/threads.ts";
import { heap, Rng } from "../../src/tensor/index.ts";
import type { CollectivesJob, CollectivesResult } from "../support/devices/collectives.ts";
import type { LossesJob } from "../support/devices/losses.ts";
import { unitRows } from "../support/generators.ts";
import type { Pairs } from "../support/referenceLoss.ts";
import { lockstepParts, type Part, type Task } from "../support/shares.ts";

const device = (name: string): URL => threadFile(`../support/devices/${name}`, import.meta.url);
const collectives = (
  size: number,
  job: CollectivesJob,
  options: LaunchOptions<never> = {},
): Promise<CollectivesResult[]> =>
  launch<CollectivesJob, CollectivesResult>(device("collectives"), size, job, options).results;

function expectRight(results: readonly CollectivesResult[]): void {
  expect(results.flatMap(({ wrong }) => wrong)).toEqual([]);
  for (const { poisoned } of results) expect(poisoned).toBeGreaterThan(0);
}

describe("collectives between threads", { timeout: 60_000 }, () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8])(
    "on %i devices give what every rank said, into buffers full of NaN",
    async (size) => {
      const results = await collectives(size, { seed: size, rounds: 40 });
      expect(results.length).toBe(size);
      expectRight(results);
      if (size > 1) for (const { bytesReceived } of results) expect(bytesReceived).toBeGreaterThan(0);
    },
  );

  it("reach into a heap that has grown since the threads met", async () => {
    expectRight(await collectives(3, { seed: 20, rounds: 60, grow: true }, { verify: true }));
  });

  it("give the same when every access to shared memory sleeps 0 to 5 ms", async () => {
    expectRight(await collectives(4, { seed: 21, rounds: 20, jitter: 5 }, { verify: true }));
  });

  it("give the same to ranks that do any amount of other work while they wait", async () => {
    const job = { seed: 24, rounds: 10, pieces: 5, slow: { rank: 1, ms: 60 } };
    const results = await collectives(3, job, { verify: true });
    expectRight(results);
    expect(results[0].helped).toBeGreaterThan(5 * 2); // of 5 · 10: if other programs slow this rank, it seldom waits
  });

  it("work without wake-ups", async () => {
    const results = collectives(3, { seed: 22, rounds: 10, deaf: true, jitter: 1 }, { verify: true });
    const late = setTimeout(40_000, undefined, { ref: false }).then(() =>
      expect.fail("ranks sleep until their deadline"),
    );
    expectRight(await Promise.race([results, late]));
  });

  it("raise no alarm among eight ranks if one is twenty times as slow", async () => {
    const job = { seed: 23, rounds: 6, busy: 10, slow: { rank: 5, ms: 200 } };
    expectRight(await collectives(8, job, { deadline: 1500, verify: true }));
  });
});

const pairsOf = (n: number, d: number, seed: number): Pairs => {
  const rng = new Rng(seed);
  return { n, d, x: unitRows(rng.split("x"), n, d), y: unitRows(rng.split("y"), n, d), tPrime: 2, b: -3 };
};

const tasksFor = (size: number): Task[] =>
  (["chunked", "fused", "softmax", "softmaxDense"] as const).flatMap((form) =>
    (["f32", "f64"] as const).flatMap((dtype) =>
      [1, 3].map((rows): Task => ({ form, dtype, pairs: pairsOf(2 * size * rows, 5, rows), shards: 2 * size })),
    ),
  );

/** The bits without the blocks, which carry the count of collectives that only the lockstep world knows. */
const bits = ({ loss, dX, dY, dTPrime, dB }: Part) => [loss, dTPrime, dB, ...Array.from(dX), ...Array.from(dY)];

describe("losses between threads", { timeout: 60_000 }, () => {
  const run = async (size: number, job: LossesJob, verify = false) => {
    const file = device("losses");
    const results = await launch<LossesJob, { parts: Part[]; poisoned: number }>(file, size, job, { verify }).results;
    for (const { poisoned } of results) if (size > 1) expect(poisoned).toBeGreaterThan(0);
    return results.map(({ parts }) => parts.map(bits));
  };
  const lockstepBits = (size: number, tasks: readonly Task[]) => {
    const byTask = tasks.map((task) => lockstepParts(task, size));
    return Array.from({ length: size }, (_, rank) => byTask.map((parts) => bits(parts[rank])));
  };

  it.each([2, 5])("on %i devices have the bits of the lockstep world, received into NaN", async (size) => {
    const tasks = tasksFor(size);
    expect(await run(size, { tasks })).toEqual(lockstepBits(size, tasks));
  });

  it("have the same bits when every access to shared memory sleeps 0 to 5 ms, with checksums", async () => {
    const tasks = tasksFor(3).slice(0, 6);
    expect(await run(3, { tasks, jitter: 5 }, true)).toEqual(lockstepBits(3, tasks));
  });
});

/** Rank 0 of two in this thread; rank 1 never comes. */
const world = (deadline: number) => {
  const control = new Control(controlBlock(2));
  const memories = [heap.memory, heap.memory];
  return { control, comm: new ThreadCommunicator({ rank: 0, size: 2, control, memories, deadline, verify: false }) };
};

describe("a rank that waits for another", () => {
  afterEach(() => void vi.restoreAllMocks());

  it("sleeps in slices of at most a tenth of a second, so that it notices changes soon", () => {
    const wait = vi.spyOn(Atomics, "wait");
    const { comm } = world(450);
    expect(() => comm.barrier()).toThrow(DeadlineError);
    const slept = wait.mock.calls.map(([, , , ms]) => ms as number);
    expect(slept.length).toBeGreaterThan(3);
    expect(Math.max(...slept)).toBeLessThanOrEqual(100);
  });

  it("gives up a deadline after the last heartbeat of the other, not after the beginning of the wait", () => {
    const { comm, control } = world(300);
    const wait = Atomics.wait as (...args: unknown[]) => "ok" | "not-equal" | "timed-out";
    let beats = 8;
    vi.spyOn(Atomics, "wait").mockImplementation((...args) => {
      if (beats-- > 0) control.beat(1);
      return wait(...args);
    });
    const before = performance.now();
    expect(() => comm.barrier()).toThrow(
      /rank 0 waited 0\.\d s in barrier .* for rank 1, which sent no heartbeat .*--deadline SECONDS/,
    );
    expect(performance.now() - before).toBeGreaterThan(1000);
  });

  it("sends no heartbeat while it waits, whatever it allocates meanwhile", () => {
    const { comm, control } = world(300);
    comm.alive();
    const { heartbeat } = control.state(0);
    expect(heartbeat).toBeGreaterThan(0);
    comm.whileWaiting = () => {
      comm.alive();
      return true;
    };
    expect(() => comm.barrier()).toThrow(DeadlineError);
    expect(control.state(0).heartbeat).toBe(heartbeat);
  });
});
