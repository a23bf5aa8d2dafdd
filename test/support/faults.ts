/** Runs a faulty device and reports how the run ended, for the ordinary tests and for the whole matrix of faults. */
import type { Worker } from "node:worker_threads";
import { DeviceError } from "../../src/parallel/index.ts";
import { launch, threadFile } from "../../src/parallel/launch.ts";
import { FAULTY_STEP, type Fault, isFault, KINDS, type Kind, OPS, type Report } from "./faultKinds.ts";

export const DEADLINE = 1000; // ms
/** From the fault to the end of all threads, in ms: one second more than the deadline if it hangs, else two. */
export const limitOf = (kind: Fault["kind"]): number => (HANGS.includes(kind) ? DEADLINE + 1000 : 2000);

export const HANGS: readonly string[] = ["loops", "loops in WebAssembly", "waits for ever", "reads for ever"];
const DIFFERS: readonly string[] = KINDS.slice(KINDS.indexOf("skips"), KINDS.indexOf("sends a flipped bit"));
/** If two ranks differ, neither knows which is wrong. */
const UNDECIDED: readonly string[] = [...DIFFERS, "holds a flipped bit"];

export interface Ending {
  readonly error: Error;
  /** From the fault to the rejection, in ms. */
  readonly took: number;
  readonly threadsLeft: number;
}

/** Runs `body`, and counts the threads started meanwhile that have not ended. */
export async function countThreads<T>(body: () => Promise<T>): Promise<{ value: T; left: number }> {
  const workers: Worker[] = [];
  const note = (worker: Worker): void => {
    workers.push(worker);
  };
  process.on("worker", note);
  try {
    const value = await body();
    return { value, left: workers.filter((worker) => worker.threadId !== -1).length };
  } finally {
    process.off("worker", note);
  }
}

export async function runFault(fault: Fault, size: number, verify = true): Promise<Ending> {
  let at = Number.NaN;
  const { value, left } = await countThreads(async () => {
    const launched = launch<Fault, string, Report>(threadFile("./devices/faulty", import.meta.url), size, fault, {
      deadline: DEADLINE,
      verify,
      onReport: (report) => {
        at = report.at;
      },
      // Small enough to be full at once, large enough to load the program.
      ...(fault.kind === "runs out of JavaScript heap" ? { resourceLimits: { maxOldGenerationSizeMb: 24 } } : {}),
    });
    const error = await launched.results.then(
      (results) => new Error(`nothing failed: ${results}`),
      (reason: Error) => reason,
    );
    return { error, took: Date.now() - at };
  });
  return { ...value, threadsLeft: left };
}

/** The message of every kind. */
const SAYS: Readonly<Record<Kind, RegExp>> = {
  throws: /TypeError: thrown on purpose/,
  "exits with 0": /the thread ended with exit code 0/,
  "exits with 1": /the thread ended with exit code 1/,
  rejects: /RangeError: rejected on purpose/,
  "throws outside its program": /TypeError: thrown outside/,
  "never settles": /the thread ended with exit code|waited|no heartbeat/,
  "runs out of JavaScript heap": /memory limit/,
  "runs out of WebAssembly memory": /OutOfMemoryError: heap: 8192 MiB more do not fit/,
  traps: /RuntimeError: unreachable/,
  loops: /DeadlineError: rank \d waited 1\.\d s in .* for rank \d/,
  "loops in WebAssembly": /DeadlineError: rank \d waited 1\.\d s in .* for rank \d/,
  "waits for ever": /DeadlineError: rank \d waited 1\.\d s in .* for rank \d/,
  skips: /DesyncError: message \d+: rank \d is in .*, rank \d in /,
  repeats: /DesyncError: message \d+: rank \d is in .*, rank \d in /,
  reorders: /DesyncError: message \d+: rank \d is in .*, rank \d in /,
  "has another shape": /DesyncError: message \d+: rank \d is in .*, rank \d in /,
  "has another dtype": /DesyncError: message \d+: rank \d is in .*, rank \d in /,
  "does something alone": /DesyncError: message \d+: rank \d is in .*, rank \d in /,
  "sends a flipped bit":
    /CorruptionError: message \d+: rank \d read \w+.* of f64 \[3\] from rank \d with checksum [\da-f]{8}, sent with /,
  "holds a flipped bit": /CorruptionError: after step 2: ranks? \d .* bits.*, in held;/,
};

/** Violations of the promises on how a run ends; empty if there are none. */
export function complaints(
  fault: Fault & { kind: Kind },
  size: number,
  { error, took, threadsLeft }: Ending,
): string[] {
  const wrong: string[] = [];
  if (!(error instanceof DeviceError)) return [`no DeviceError but ${error.name}: ${error.message}`];
  if (error.rank !== fault.rank && !(UNDECIDED.includes(fault.kind) && size === 2)) {
    wrong.push(`blames rank ${error.rank}`);
  }
  // Ranks that diverged may be detected at the first message of the next step.
  const steps = DIFFERS.includes(fault.kind) ? [FAULTY_STEP, FAULTY_STEP + 1] : [FAULTY_STEP];
  const begins = (step: number): string => `launch: rank ${error.rank} failed at step ${step}, `;
  if (!steps.some((step) => error.message.startsWith(begins(step)))) wrong.push("no rank or step");
  if (!/(in|after) message \d+ \((shift \+1|allGather|allReduce|broadcast from 0|barrier) of /.test(error.message)) {
    wrong.push("no operation");
  }
  if (!SAYS[fault.kind].test(error.message)) wrong.push("another cause");
  if (!(took < limitOf(fault.kind))) wrong.push(`took ${took} ms`);
  if (threadsLeft > 0) wrong.push(`left ${threadsLeft} threads`);
  return wrong.length > 0 ? [...wrong, error.message] : [];
}

/** Every kind, rank and operation. */
export const allFaults = (size: number): (Fault & { kind: Kind })[] =>
  KINDS.flatMap((kind) => OPS.flatMap((op) => Array.from({ length: size }, (_, rank) => ({ kind, rank, op })))).filter(
    isFault,
  );
