/**
 * The main thread's watch over the devices: it never waits for one, so it looks at their heartbeats now and then.
 *
 * It notices when all are silent. A thread that ends is noticed in launch.ts; one silent device among others, by the devices that
 * wait for it (threads.ts).
 */
import type { Control } from "./control.ts";
import { DeadlineError } from "./errors.ts";
import { ALLOW_MORE, Silence } from "./silence.ts";

const WATCH_MS = 250;

/** Fails the run when no device has sent a heartbeat for longer than the deadline. */
export function watchdog(
  control: Control,
  size: number,
  deadline: number,
  fail: (rank: number, error: Error) => void,
): ReturnType<typeof setInterval> {
  const heartbeats = (): number[] => Array.from({ length: size }, (_, rank) => control.state(rank).heartbeat);
  const sum = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0);
  const silence = new Silence(2 * WATCH_MS, performance.now(), sum(heartbeats()));
  return setInterval(() => {
    const seen = heartbeats();
    const silent = silence.look(performance.now(), sum(seen));
    if (silent <= deadline + 2 * WATCH_MS) return; // a waiting rank reports it first, and with more detail
    const slowest = seen.reduce((least, heartbeat, rank) => (heartbeat < seen[least] ? rank : least), 0);
    const why = `no device sent a heartbeat for ${(silent / 1e3).toFixed(1)} s; ${ALLOW_MORE}`;
    fail(slowest, new DeadlineError(why));
  }, WATCH_MS);
}
