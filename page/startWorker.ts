/** Starts the worker of the page; its configuration names what it does. */
import type { FaultConfig } from "./faults/messages.ts";
import type { ModelConfig } from "./model/messages.ts";
import type { TrainConfig } from "./train/messages.ts";

/** What a worker does. */
export type WorkerConfig =
  | { readonly program: "answers" }
  | ({ readonly program: "train" } & TrainConfig)
  | ({ readonly program: "fault" } & FaultConfig)
  | ({ readonly program: "model" } & ModelConfig);

/** A worker for `launchBrowser`. All run one file, so that the page ships the engine once. */
export const startWorker = (): Worker => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
