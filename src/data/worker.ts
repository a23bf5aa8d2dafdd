/**
 * The thread that prepares batches ahead of training; started by stream.ts, see there.
 */
import { parentPort, workerData } from "node:worker_threads";
import type { Batch } from "./batches.ts";
import { openPairs, type PairsSpec } from "./pairs.ts";

/** What the thread is started with. */
export interface WorkerTask {
  readonly spec: PairsSpec;
  readonly seed: number;
  readonly batch: number;
  readonly slots: number;
}

/** The first message back: the memory that batches will be written to, and what they are cut from. */
export interface WorkerReady {
  readonly slots: readonly Batch[];
  readonly size: number;
  readonly side: number;
  readonly length: number;
}

/** "Write this step to this slot", and the same as the answer when it is done. */
export interface WorkerJob {
  readonly step: number;
  readonly slot: number;
}

const task = workerData as WorkerTask;
const pairs = await openPairs(task.spec);
pairs.batchesPerEpoch(task.batch); // a batch that cannot be made is refused here, not at its first step
const { size, side, length } = pairs;

const slots = Array.from({ length: task.slots }, () => ({
  pixels: new Float32Array(new SharedArrayBuffer(4 * task.batch * side * side * 3)),
  tokens: new Int32Array(new SharedArrayBuffer(4 * task.batch * length)),
  items: new Int32Array(new SharedArrayBuffer(4 * task.batch)),
}));
parentPort!.postMessage({ slots, size, side, length } satisfies WorkerReady);

parentPort!.on("message", ({ step, slot }: WorkerJob) => {
  const made = pairs.batch(task.seed, step, task.batch);
  slots[slot].pixels.set(made.pixels);
  slots[slot].tokens.set(made.tokens);
  slots[slot].items.set(made.items);
  parentPort!.postMessage({ step, slot } satisfies WorkerJob);
});
