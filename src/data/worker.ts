/** The thread that prepares batches ahead of training; started by stream.ts. */
import { parentPort, workerData } from "node:worker_threads";
import { adoptKernels, type KernelReport } from "../tensor/index.ts";
import { batchSlots, fillSlots } from "./batchSlots.ts";
import { openPairs, type PairsSpec } from "./pairs.ts";

/** The argument of the thread. */
export interface WorkerTask {
  readonly spec: PairsSpec;
  readonly seed: number;
  readonly batch: number;
  readonly first: number;
  readonly readers: number;
  readonly slots: number;
  /** Those of the main thread: kernels draw the pictures, which must be bit-identical. */
  readonly kernels: KernelReport;
}

const { spec, seed, batch, first, readers, slots: count, kernels } = workerData as WorkerTask;
adoptKernels(kernels);
const pairs = await openPairs(spec);
pairs.batchesPerEpoch(batch); // refuses an impossible batch now, not at the first step
const { side, length } = pairs;
const slots = batchSlots({ batch, side, length }, count, readers, first);
parentPort?.postMessage(slots);
fillSlots(slots, first, (step, into) => pairs.batch(seed, step, batch, into));
