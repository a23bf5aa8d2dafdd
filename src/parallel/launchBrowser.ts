/**
 * Starts devices in a browser: what `launch.ts` does for Node, for pages whose user may act during the run.
 *
 *     page                                                     worker.ts, a module worker
 *     launchBrowser({ size, start: () => new Worker(...) })  ↔  runBrowserDevice(async (device) => { ... })
 *
 * Several devices share memory, so the page must be cross-origin isolated; one device runs on any page. Rank 0 chooses the
 * kernels and the others adopt its choice: the page itself does not load the engine. A page talks to rank 0 alone, which tells
 * the others by the collectives.
 */
import type { KernelMode } from "../tensor/index.ts";
import type { FromDevice, ToDevice } from "./browserMessages.ts";
import { controlBlock } from "./controlBlock.ts";

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
