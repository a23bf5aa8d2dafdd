/** A device in a browser: the program of a worker that `launchBrowser` started. */
import { adoptKernels, chooseKernels, heap, type KernelReport, kernelReport } from "../tensor/index.ts";
import type { Assignment, FromDevice, ToDevice } from "./browserMessages.ts";
import { alone, type Communicator } from "./communicator.ts";
import { Control } from "./control.ts";
import { ThreadCommunicator } from "./threads.ts";

const DEADLINE_MS = 30_000;

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
