/** The training as the page sees it: its workers, started at the first request. */
import { type BrowserDevices, launchBrowser } from "../../src/parallel/launchBrowser.ts";
import { loadAtlas } from "../atlas/load.ts";
import { ITEMS } from "../batch/batch.ts";
import { startWorker, type WorkerConfig } from "../startWorker.ts";
import type { Report, Request } from "./messages.ts";
import type { TrainState } from "./state.ts";

/** Devices that can run here: each is a worker, and two share memory. */
export const mostDevices = (): number => (crossOriginIsolated && navigator.hardwareConcurrency > 1 ? 2 : 1);

/** Starts the workers; requests may be sent at once. */
export async function startTraining(
  { seed, kernels, devices }: TrainState,
  onReport: (report: Report) => void,
  onFailure: (error: Error) => void,
): Promise<BrowserDevices<Request>> {
  const { pictures, styles, names } = await loadAtlas();
  return launchBrowser<WorkerConfig, Request, Report>({
    size: devices,
    start: startWorker,
    kernels,
    config: { program: "train", names: { styles, names }, pictures, square: ITEMS, seed },
    onReport,
    onFailure,
  });
}
