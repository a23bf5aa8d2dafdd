/** A worker that trains: takes requests between steps, and reports. */
import { kernelReport } from "../../src/tensor/index.ts";
import type { Report, Request } from "./messages.ts";
import { PageTraining } from "./training.ts";

const EVALUATE_EVERY = 50; // steps

let training: PageTraining | undefined;
let running = false;
const say = (report: Report): void => postMessage(report);

/** Resolves after the messages that have come meanwhile. */
const { port1, port2 } = new MessageChannel();
const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    port1.onmessage = () => resolve();
    port2.postMessage(undefined);
  });

function advance(): void {
  if (!training || training.finished) return;
  const { loss, t, b } = training.advance();
  say({ kind: "step", step: training.step, loss, t, b });
  if (training.step % EVALUATE_EVERY === 0 || training.finished)
    say({ kind: "seen", step: training.step, ...training.evaluate() });
}

async function run(): Promise<void> {
  while (running && training && !training.finished) {
    advance();
    await breathe();
  }
  running = false;
}

function receive(request: Request): void {
  if (request.kind === "open") {
    training = new PageTraining({ ...request.names, pictures: request.pictures }, request.seed);
    say({ kind: "ready", kernels: kernelReport().why, byPixels: training.byPixels() });
  } else if (request.kind === "run") {
    if (running) return;
    running = true;
    void run().catch(fail);
  } else {
    running = false;
    if (request.kind === "step") advance();
  }
}

const fail = (error: unknown): void => say({ kind: "failed", message: String(error) });

addEventListener("message", ({ data }: MessageEvent<Request>) => {
  try {
    receive(data);
  } catch (error) {
    fail(error);
  }
});
