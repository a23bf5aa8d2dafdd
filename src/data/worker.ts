/** The thread that prepares batches ahead of training; started by stream.ts, see there. */
import { parentPort, workerData } from "node:worker_threads";
import { batchSlots, fillSlots } from "./batchSlots.ts";
import { openPairs, type PairsSpec } from "./pairs.ts";

/** What the thread is started with. */
export interface WorkerTask {
  readonly spec: PairsSpec;
  readonly seed: number;
  readonly batch: number;
  readonly first: number;
  readonly readers: number;
  readonly slots: number;
}

const { spec, seed, batch, first, readers, slots: count } = workerData as WorkerTask;
const pairs = await openPairs(spec);
pairs.batchesPerEpoch(batch); // a batch that cannot be made is refused here, not at its first step
const { side, length } = pairs;
const slots = batchSlots({ batch, side, length }, count, readers, first);
parentPort?.postMessage(slots);
fillSlots(slots, first, (step) => pairs.batch(seed, step, batch));
