/**
 * Starts and ends devices. A failure anywhere ends the run; the error names the rank, the step and the operation.
 *
 *     main thread                              src/my/device.ts
 *     launch(new URL(...), 2, config)   →      runDevice<Config, Result>(({ comm, config, step }) => { ...; return result; })
 *
 * The main thread never blocks on a device: it starts them, listens to their messages and watches them. Rank 0 is a worker too.
 */
import { parentPort, Worker, type WorkerOptions, workerData } from "node:worker_threads";
import { adoptKernels, heap, type KernelReport, kernelReport } from "../tensor/index.ts";
import { blame } from "./blame.ts";
import { Control } from "./control.ts";
import { controlBlock } from "./controlBlock.ts";
import { AbortedError, DesyncError, DeviceError } from "./errors.ts";
import { ThreadCommunicator } from "./threads.ts";
import { watchdog } from "./watchdog.ts";

/** Milliseconds that the other devices get to end by themselves after a failure. */
const LEAVE_MS = 500;
/** Milliseconds that terminating a thread may take when a run fails: a thread inside a system call cannot be terminated. */
const TERMINATE_MS = 1000;
/** Milliseconds after a `DesyncError` in which the other ranks can post their operations. */
const VOTE_MS = 200;
const DEADLINE_MS = 30_000;
/**
 * Longest silence while threads start, and longest wait for their end after the last result, in ms. Eight threads on two busy
 * cores took 30 s to load their program.
 */
const START_MS = 120_000;

/**
 * Starts a worker thread from a source file or a built one.
 *
 * Where Node strips types, sources run as they are. On Node 20 they need tsx, which `--import tsx` registers on the main
 * thread only; a worker has to call its `register` itself.
 */
export function startThread(file: URL, options: WorkerOptions): Worker {
  if (!file.pathname.endsWith(".ts") || process.features.typescript) return new Worker(file, options);
  const api = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const hook = `data:text/javascript,import { register } from ${api}; register();`;
  return new Worker(file, { ...options, execArgv: ["--import", hook] });
}

/** URL of a file beside the module `from`: "./device" is device.ts beside a source file and device.js beside a built one. */
export const threadFile = (name: string, from: string): URL =>
  new URL(name + (from.endsWith(".ts") ? ".ts" : ".js"), from);

/** Settings of `launch`. */
export interface LaunchOptions<Report> {
  /**
   * Longest time without a heartbeat, in ms; 30,000 by default. Every allocation in the heap and every exchange is one, so
   * only work that does neither for so long needs a longer deadline.
   */
  readonly deadline?: number;
  /** Test mode: every message carries a checksum, and a reader that gets other numbers throws `CorruptionError`. */
  readonly verify?: boolean;
  /** Is called with every value that a device passes to `report`. */
  readonly onReport?: (report: Report, rank: number) => void;
  readonly resourceLimits?: WorkerOptions["resourceLimits"];
}

/** A run on several devices. */
export interface Launched<Result> {
  /** By rank. Rejects after all devices have ended: with `DeviceError` if one fails, with `AbortedError` after `abort`. */
  readonly results: Promise<Result[]>;
  /** Asks devices to end soon: `stopAgreed` becomes true on all of them in the same step. */
  stop(): void;
  /** Ends all devices now. */
  abort(): Promise<void>;
}

/** The argument of a device's program. */
export interface Device<Config, Report> {
  readonly comm: ThreadCommunicator;
  readonly config: Config;
  /**
   * Marks the beginning of a step (1, 2, ...), for error messages and the watchdog. Ranks must agree on it in every exchange.
   * A rank that sees here that `stop` was called tells the others.
   */
  step(number: number): void;
  report(report: Report): void;
  /** Sends a heartbeat, for long work that neither allocates in the heap nor exchanges. */
  alive(): void;
  /**
   * Whether any rank knew at the beginning of this step that `stop` was called. All ranks get the same answer if they ask after
   * an exchange of all with all in this step: each rank votes before it takes part, and votes of later steps do not count yet.
   * So the agreement needs no exchange of its own.
   */
  stopAgreed(): boolean;
  /** Rank 0 only, before the exchange of this step: marks the step for extra work after it. */
  mark(): void;
  /**
   * Whether rank 0 marked this step. All ranks get the same answer if they ask after an exchange of all with all in this step
   * and, if the answer is yes, exchange again before the next step: only then can rank 0 mark a later one.
   */
  markAgreed(): boolean;
}

interface Assignment {
  readonly rank: number;
  readonly size: number;
  readonly control: SharedArrayBuffer;
  readonly stop: SharedArrayBuffer;
  readonly deadline: number;
  readonly verify: boolean;
  /** Chosen once, on the main thread: devices that choose for themselves might choose differently. */
  readonly kernels: KernelReport;
  readonly config: unknown;
}

type FromDevice =
  | { readonly kind: "ready"; readonly memory: WebAssembly.Memory }
  | { readonly kind: "report"; readonly report: unknown }
  | { readonly kind: "result"; readonly result: unknown }
  | { readonly kind: "failed"; readonly error: ErrorParts };

/** An error as plain data: sent between threads as it is, it would lose its class, name and own fields. */
interface ErrorParts {
  readonly name: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly fields: object;
}

const errorOf = ({ name, message, stack, fields }: ErrorParts): Error =>
  Object.assign(new Error(message), fields, { name, stack });

/** Starts `size` devices that run the program in `file`, which must call `runDevice`, on the kernels of this thread. */
export function launch<Config, Result, Report = never>(
  file: URL,
  size: number,
  config: Config,
  { deadline = DEADLINE_MS, verify = false, onReport, resourceLimits }: LaunchOptions<Report> = {},
): Launched<Result> {
  if (!Number.isInteger(size) || size < 1 || size > 64) throw new RangeError(`launch: ${size} devices; use 1 to 64`);
  const control = controlBlock(size);
  const stop = new SharedArrayBuffer(4);
  const kernels = kernelReport();
  const workers = Array.from({ length: size }, (_, rank) => {
    const workerData: Assignment = { rank, size, control, stop, deadline, verify, kernels, config };
    return startThread(file, { name: `device ${rank}`, workerData, ...(resourceLimits ? { resourceLimits } : {}) });
  });
  const group = new DeviceGroup<Result>(workers, new Control(control), deadline, (report, rank) =>
    onReport?.(report as Report, rank),
  );
  return {
    results: group.results,
    stop: () => void Atomics.store(new Int32Array(stop), 0, 1),
    abort: () => group.abort(),
  };
}

/** The threads of a launch as the main thread sees them: what they have sent, and how the launch ends. */
class DeviceGroup<Result> {
  readonly results: Promise<Result[]>;
  readonly #workers: readonly Worker[];
  readonly #control: Control;
  readonly #deadline: number;
  readonly #onReport: (report: unknown, rank: number) => void;
  readonly #gone: readonly Promise<void>[];
  readonly #memories = new Map<number, WebAssembly.Memory>();
  readonly #finished = new Map<number, Result>();
  readonly #reported = new Set<number>(); // ranks that reported why they failed
  #watch: ReturnType<typeof watchdog>;
  #failure: Error | undefined;
  #settled = false;
  #resolve!: (results: Result[]) => void;
  #reject!: (error: Error) => void;

  constructor(
    workers: readonly Worker[],
    control: Control,
    deadline: number,
    onReport: (report: unknown, rank: number) => void,
  ) {
    this.#workers = workers;
    this.#control = control;
    this.#deadline = deadline;
    this.#onReport = onReport;
    this.#gone = workers.map((worker) => new Promise<void>((resolve) => worker.once("exit", () => resolve())));
    this.results = new Promise<Result[]>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.#watch = this.#watchFor(Math.max(deadline, START_MS));
    workers.forEach((worker, rank) => {
      this.#listen(worker, rank);
    });
  }

  /** Ends all devices now. */
  abort(): Promise<void> {
    this.results.catch(() => {}); // the caller need not listen to `results`
    if (this.#finished.size === this.#workers.length) return this.#leave(TERMINATE_MS);
    return this.#end(new AbortedError("launch: the run was aborted"));
  }

  #watchFor(deadline: number): ReturnType<typeof watchdog> {
    return watchdog(this.#control, this.#workers.length, deadline, (rank, error) => this.#fail(rank, error));
  }

  #listen(worker: Worker, rank: number): void {
    worker.on("message", (message: FromDevice) => this.#receive(message, rank));
    worker.on("error", (error: Error) => this.#fail(rank, error));
    worker.on("messageerror", (error: Error) => this.#fail(rank, error));
    worker.on("exit", (code) => {
      if (!this.#finished.has(rank) && !this.#reported.has(rank))
        this.#fail(rank, new Error(`the thread ended with exit code ${code} before its program did`));
    });
  }

  #receive(message: FromDevice, rank: number): void {
    if (message.kind === "ready") this.#ready(message.memory, rank);
    else if (message.kind === "report") this.#onReport(message.report, rank);
    else if (message.kind === "result") this.#finish(message.result as Result, rank);
    else {
      this.#reported.add(rank);
      const error = errorOf(message.error);
      if (error.name === DesyncError.name) setTimeout(() => this.#fail(rank, error), VOTE_MS);
      else if (error.name !== AbortedError.name) this.#fail(rank, error);
    }
  }

  /** When all threads have loaded their program, each gets the memories of all, and begins. */
  #ready(memory: WebAssembly.Memory, rank: number): void {
    this.#memories.set(rank, memory);
    if (this.#memories.size < this.#workers.length) return;
    clearInterval(this.#watch);
    this.#watch = this.#watchFor(this.#deadline);
    const all = this.#workers.map((_, i) => this.#memories.get(i));
    for (const each of this.#workers) each.postMessage(all);
  }

  #finish(result: Result, rank: number): void {
    this.#finished.set(rank, result);
    if (this.#finished.size < this.#workers.length) return;
    // After its result a device can still fail until its thread has ended.
    void this.#leave(START_MS).then(() => {
      this.#settled = true;
      if (!this.#failure) this.#resolve(this.#workers.map((_, i) => this.#finished.get(i) as Result));
    });
  }

  #fail(reporter: number, error: Error): void {
    // Later errors are consequences of the first.
    if (this.#failure || this.#settled) return;
    const rank = blame(this.#control, this.#workers.length, reporter, error);
    const { step, message, what, waitsFor } = this.#control.state(rank);
    const when = waitsFor === undefined && error.name !== DesyncError.name ? "after" : "in";
    const where = message === 0 ? "before its first message" : `${when} message ${message} (${what})`;
    const reason = `rank ${rank} failed at step ${step}, ${where}: ${error.name}: ${error.message}`;
    void this.#end(new DeviceError(rank, `launch: ${reason}`, { cause: error }));
  }

  async #end(reason: Error): Promise<void> {
    this.#failure ??= reason;
    this.#control.abort();
    await this.#leave(TERMINATE_MS);
    this.#reject(this.#failure);
  }

  /** Ends all threads; resolves when none is left or terminating them has taken longer than `patience` ms. */
  async #leave(patience: number): Promise<void> {
    clearInterval(this.#watch);
    await Promise.race([Promise.all(this.#gone), pause(LEAVE_MS)]);
    await Promise.race([Promise.all(this.#workers.map((worker) => worker.terminate())), pause(patience)]);
  }
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());

/** Runs `program` in the worker that `launch` started; it returns, or promises, the result of its rank. */
export function runDevice<Config, Result, Report = never>(
  program: (device: Device<Config, Report>) => Result | Promise<Result>,
): void {
  const port = parentPort;
  if (!port) throw new Error("runDevice: not in a worker thread; start this file with launch()");
  const { rank, size, control: block, stop, deadline, verify, kernels, config } = workerData as Assignment;
  const say = (message: FromDevice): void => port.postMessage(message);
  const sayFailed = ({ name, message, stack, ...fields }: Error): void => {
    try {
      say({ kind: "failed", error: { name, message, stack, fields } });
    } catch {
      say({ kind: "failed", error: { name, message, stack, fields: {} } }); // a field that cannot be sent
    }
  };
  const control = new Control(block);
  adoptKernels(kernels);

  const run = async (memories: readonly WebAssembly.Memory[]): Promise<void> => {
    const comm = new ThreadCommunicator({ rank, size, control, memories, deadline, verify });
    heap.onWork = () => comm.alive();
    const stopWord = new Int32Array(stop);
    let current = 0;
    try {
      const result = await program({
        comm,
        config: config as Config,
        step: (number) => {
          current = number;
          comm.heartbeat(number);
          if (Atomics.load(stopWord, 0) === 1) control.vote(rank, number);
        },
        report: (report) => say({ kind: "report", report }),
        alive: () => comm.alive(),
        stopAgreed: () => control.stopsAfter(current, size),
        mark: () => control.mark(rank, current),
        markAgreed: () => control.isMarked(0, current),
      });
      // Other ranks must finish reading from this heap before the thread and its memory end.
      comm.barrier();
      say({ kind: "result", result });
    } catch (error) {
      sayFailed(error instanceof Error ? error : new Error(String(error)));
    } finally {
      port.close();
    }
  };
  port.once("message", (memories: readonly WebAssembly.Memory[]) => void run(memories));
  control.beat(rank);
  say({ kind: "ready", memory: heap.memory });
}
