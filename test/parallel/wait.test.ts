/** A rank waits for another that never comes, in one thread. */
import { afterEach, expect, it, vi } from "vitest";
import { Control, controlBlock } from "../../src/parallel/control.ts";
import { DeadlineError } from "../../src/parallel/index.ts";
import { ThreadCommunicator } from "../../src/parallel/threads.ts";
import { heap } from "../../src/tensor/index.ts";

afterEach(() => void vi.restoreAllMocks());

const world = (deadline: number) => {
  const control = new Control(controlBlock(2));
  const memories = [heap.memory, heap.memory];
  return { control, comm: new ThreadCommunicator({ rank: 0, size: 2, control, memories, deadline, verify: false }) };
};

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
