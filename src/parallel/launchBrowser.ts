/**
 * Starts devices in a browser: what `launch.ts` does for Node, for pages whose user may act during the run.
 *
 *     page                                                     worker.ts, a module worker
 *     launchBrowser({ size, start: () => new Worker(...) })  ↔  runBrowserDevice(async (device) => { ... })
 *
 * Several devices share memory, so the page must be cross-origin isolated; one device runs on any page. Rank 0 chooses the
 * kernels and the others adopt its choice: the page itself never loads them. A page talks to rank 0 alone, which tells the others
 * by the collectives.
 */
import {
  adoptKernels,
  chooseKernels,
  heap,
  type KernelMode,
  type KernelReport,
  kernelReport,
} from "../tensor/index.ts";
import { alone, type Communicator } from "./communicator.ts";
import { Control, controlBlock } from "./control.ts";
import { ThreadCommunicator } from "./threads.ts";

const DEADLINE_MS = 30_000;

/** Settings of `launchBrowser`. */
export interface BrowserLaunch<Config, Report> {
  /** Number of devices; more than one needs a page that is cross-origin isolated. */
  readonly size: number;
  /** Starts a module worker on a file that calls `runBrowserDevice`. A bundler wants to see `new Worker` with its file. */
  readonly start: () => Worker;
  readonly kernels: KernelMode;
  readonly config: Config;
  /** Is called with every value that rank 0 reports. */
  readonly onReport: (report: Report) => void;
  /** Is called once if a device fails; all devices have ended then. */
  readonly onFailure: (error: Error) => void;
}

/** Devices in a browser. */
export interface BrowserDevices<Request> {
  /** Sends a value to rank 0. */
  send(request: Request): void;
  /** Ends all devices now. */
  end(): void;
}

/** The argument of a device's program in a browser. */
export interface BrowserDevice<Config, Request, Report> {
  readonly comm: Communicator;
  readonly config: Config;
  /** The kernels that all devices run. */
  readonly kernels: KernelReport;
  /** Marks the beginning of a step, for error messages. Ranks must agree on it in every exchange. */
  step(number: number): void;
  /** Reports to the page; only rank 0 is heard. */
  report(report: Report): void;
  /** Rank 0 only: is called with every request of the page. */
  onRequest: (request: Request) => void;
  /** Sends a heartbeat: rank 0 must, while it lets the others wait. */
  alive(): void;
}

interface Assignment {
  readonly rank: number;
  readonly size: number;
  readonly control: SharedArrayBuffer | undefined;
  readonly kernels: KernelMode;
  readonly config: unknown;
}

type ToDevice =
  | { readonly kind: "assignment"; readonly assignment: Assignment }
  | { readonly kind: "begin"; readonly memories: readonly WebAssembly.Memory[]; readonly kernels: KernelReport }
  | { readonly kind: "request"; readonly request: unknown };

type FromDevice =
  | {
      readonly kind: "ready";
      readonly memory: WebAssembly.Memory | undefined;
      readonly kernels: KernelReport | undefined;
    }
  | { readonly kind: "report"; readonly report: unknown }
  | { readonly kind: "failed"; readonly name: string; readonly message: string };

/** Starts devices that run the program of a worker. Throws `RangeError` if the page cannot share memory between several. */
export function launchBrowser<Config, Request, Report>({
  size,
  start,
  kernels,
  config,
  onReport,
  onFailure,
}: BrowserLaunch<Config, Report>): BrowserDevices<Request> {
  if (size > 1 && !crossOriginIsolated) {
    throw new RangeError(
      `launchBrowser: ${size} devices share memory, and this page is not cross-origin isolated; use one device, or send the headers Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp`,
    );
  }
  const block = size > 1 ? controlBlock(size) : undefined;
  const workers = Array.from({ length: size }, start);
  const ready = new Map<number, FromDevice & { kind: "ready" }>();
  let ended = false;
  const post = (rank: number, message: ToDevice): void => workers[rank].postMessage(message);
  const end = (): void => {
    ended = true;
    if (block) new Control(block).abort();
    for (const worker of workers) worker.terminate();
  };
  const fail = (rank: number, reason: string): void => {
    if (ended) return;
    end();
    onFailure(new Error(`launchBrowser: device ${rank} failed: ${reason}`));
  };
  const receive = (rank: number, message: FromDevice): void => {
    if (ended) return;
    if (message.kind === "failed") fail(rank, `${message.name}: ${message.message}`);
    else if (message.kind === "report") onReport(message.report as Report);
    else {
      ready.set(rank, message);
      const chosen = ready.get(0)?.kernels;
      if (ready.size < size || chosen === undefined) return;
      const memories = workers.flatMap((_, each) => ready.get(each)?.memory ?? []);
      for (const each of workers.keys()) post(each, { kind: "begin", memories, kernels: chosen });
    }
  };
  for (const [rank, worker] of workers.entries()) {
    worker.addEventListener("message", ({ data }: MessageEvent<FromDevice>) => receive(rank, data));
    worker.addEventListener("error", ({ message }) => fail(rank, message || "its program did not load"));
    post(rank, { kind: "assignment", assignment: { rank, size, control: block, kernels, config } });
  }
  return { send: (request) => post(0, { kind: "request", request }), end };
}

/** Runs `program` in a worker that `launchBrowser` started. Requests that come before it begins are kept for it. */
export function runBrowserDevice<Config, Request, Report>(
  program: (device: BrowserDevice<Config, Request, Report>) => Promise<void>,
): void {
  const say = (message: FromDevice): void => postMessage(message);
  const early: Request[] = [];
  let assignment: Assignment | undefined;
  let device: BrowserDevice<Config, Request, Report> | undefined;
  const receive = (message: ToDevice): void => {
    if (message.kind === "assignment") {
      assignment = message.assignment;
      const { rank, size, kernels } = assignment;
      if (rank === 0) chooseKernels(kernels);
      say({
        kind: "ready",
        memory: size > 1 ? heap.memory : undefined,
        kernels: rank === 0 ? kernelReport() : undefined,
      });
    } else if (message.kind === "request") {
      if (device) device.onRequest(message.request as Request);
      else early.push(message.request as Request);
    } else {
      device = deviceFor(assignment as Assignment, message.memories, message.kernels, (report) => say({ kind: "report", report })); // biome-ignore format: a line
      void program(device).catch(fail);
      for (const request of early) device.onRequest(request);
    }
  };
  const fail = (error: unknown): void => {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    say({ kind: "failed", name, message });
  };
  addEventListener("message", ({ data }: MessageEvent<ToDevice>) => {
    try {
      receive(data);
    } catch (error) {
      fail(error);
    }
  });
}

function deviceFor<Config, Request, Report>(
  { rank, size, control: block, config }: Assignment,
  memories: readonly WebAssembly.Memory[],
  kernels: KernelReport,
  report: (report: Report) => void,
): BrowserDevice<Config, Request, Report> {
  if (rank > 0) adoptKernels(kernels);
  const shared = { config: config as Config, kernels, report, onRequest: () => {} };
  if (block === undefined) return { ...shared, comm: alone, step: () => {}, alive: () => {} };
  const control = new Control(block);
  const comm = new ThreadCommunicator({ rank, size, control, memories, deadline: DEADLINE_MS, verify: false });
  heap.onWork = () => comm.alive();
  return { ...shared, comm, step: (number) => comm.heartbeat(number), alive: () => comm.alive() };
}
