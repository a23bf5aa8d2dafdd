/** The thread that prepares batches ahead of training; started by stream.ts, see there. */
import { parentPort, workerData } from "node:worker_threads";
import { adoptKernels, type KernelReport } from "../tensor/index.ts";
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
  /** The choice of the main thread: pictures are drawn by kernels, and have the bits of theirs. */
  readonly kernels: KernelReport;
}

const { spec, seed, batch, first, readers, slots: count, kernels } = workerData as WorkerTask;
adoptKernels(kernels);
const pairs = await openPairs(spec);
pairs.batchesPerEpoch(batch); // a batch that cannot be made is refused here, not at its first step
const { side, length } = pairs;
const slots = batchSlots({ batch, side, length }, count, readers, first);
parentPort?.postMessage(slots);
fillSlots(slots, first, (step, into) => pairs.batch(seed, step, batch, into));
