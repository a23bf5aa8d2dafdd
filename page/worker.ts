/** The file of every worker of the page. */
import { type BrowserDevice, runBrowserDevice } from "../src/parallel/browserDevice.ts";
import { answerQuestions } from "./answers.ts";
import { trainFault } from "./faults/worker.ts";
import { searchWithModel } from "./model/worker.ts";
import type { WorkerConfig } from "./startWorker.ts";
import { trainOnDevice } from "./train/worker.ts";

type Program = (device: BrowserDevice<never, never, unknown>) => Promise<void>;
const PROGRAMS = { answers: answerQuestions, train: trainOnDevice, fault: trainFault, model: searchWithModel };

runBrowserDevice<WorkerConfig, never, unknown>((device) =>
  (PROGRAMS[device.config.program] as Program)(device as BrowserDevice<never, never, unknown>),
);
