/** A device for tests of `launch` that does what its job says. */
import { workerData } from "node:worker_threads";
import { runDevice } from "../../../src/parallel/launch.ts";
import { empty, Rng, scope } from "../../../src/tensor/index.ts";
import { sleep } from "../jitter.ts";

export interface GreetingJob {
  readonly act:
    | "return"
    | "promise"
    | "report"
    | "until stopped"
    | "marked steps"
    | "wait for the other"
    | "do other work for ever"
    | "leave a timer"
    | "throw"
    | "throw a function"
    | "return a function"
    | "slow to load"
    | "work while others wait"
    | "loop while another works"
    | "return early"
    | "throw late"
    | "reject late"
    | "loop";
  readonly word: string;
}

export interface Greeting {
  readonly rank: number;
  readonly size: number;
  readonly word: string;
  /** The step after which it stopped on request. */
  readonly step?: number;
}

class GreetingError extends Error {
  override readonly name = "GreetingError";
  readonly detail: unknown;

  constructor(message: string, detail: unknown) {
    super(message);
    this.detail = detail;
  }
}

if ((workerData as { config: GreetingJob }).config.act === "slow to load") sleep(2000);

/** Allocates in the heap now and then, which is all that other devices notice. */
function work(ms: number): void {
  for (const end = performance.now() + ms; performance.now() < end; sleep(20)) scope(() => empty("work", [8], "f32"));
}

runDevice<GreetingJob, unknown, string>(async (device) => {
  const { comm, config } = device;
  const { rank, size } = comm;
  const { act, word } = config;
  if (act === "promise") await new Promise((resolve) => setTimeout(resolve, 50));
  if (act === "report") for (const each of word.split(" ")) device.report(each);
  if (act === "until stopped") {
    device.report("running");
    const rng = new Rng(rank);
    for (let step = 1; ; step++) {
      device.step(step);
      comm.barrier();
      sleep(rng.between(0, 5)); // so that one rank is ahead, then the other
      if (device.stopAgreed()) return { rank, size, word, step };
    }
  }
  if (act === "marked steps") {
    const marked: number[] = [];
    const rng = new Rng(rank);
    for (let step = 1; step <= 40; step++) {
      device.step(step);
      if (rank === 0 && word.split(" ").includes(String(step))) device.mark();
      comm.barrier();
      sleep(rng.between(0, 2)); // so that one rank is ahead, then the other
      if (!device.markAgreed()) continue;
      marked.push(step);
      comm.barrier();
    }
    return { rank, size, word: marked.join(" ") };
  }
  if (act === "wait for the other" || act === "do other work for ever") {
    if (act === "do other work for ever") comm.whileWaiting = () => true;
    if (rank === 0) comm.barrier();
    device.report("waiting"); // rank 1: the other will wait in vain
    await new Promise((resolve) => setTimeout(resolve, 60_000));
  }
  if (act === "leave a timer") setInterval(() => {}, 1000);
  if (act.startsWith("throw") && rank === 1) {
    device.step(7);
    throw new GreetingError(word, act === "throw" ? 42 : () => {});
  }
  if (act === "loop") for (;;);
  if (act === "work while others wait") {
    // Rank 0 waits for the last one, and from the second time on rank 1 waits for rank 0.
    if (rank === size - 1) work(2500);
    for (let i = 0; i < 2; i++) comm.shift(empty("work", [8], "f32"), 1);
  }
  if (act === "loop while another works") {
    if (rank === 1) for (;;);
    if (rank === 2) work(20_000);
    comm.barrier();
  }
  if (act === "return early" && rank === 1) comm.allGather(empty("work", [8], "f32"));
  if (act === "throw late") {
    setTimeout(() => {
      throw new GreetingError(word, 42);
    }, 20);
  }
  if (act === "reject late") setTimeout(() => void Promise.reject(new GreetingError(word, 42)), 20);
  return act === "return a function" ? () => {} : { rank, size, word };
});
