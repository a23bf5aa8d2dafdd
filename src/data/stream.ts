/**
 * Batches prepared ahead by a worker thread, so that training does not wait for pixels.
 *
 * A batch is a pure function of (seed, step), so readers get the bits of `pairs.batch`, whatever the timing, the number of
 * slots and the number of readers.
 */
import { startThread, threadFile } from "../parallel/launch.ts";
import { kernelReport } from "../tensor/index.ts";
import type { BatchSlots } from "./batchSlots.ts";
import type { PairsSpec } from "./pairs.ts";
import type { WorkerTask } from "./worker.ts";

export interface BatchStream {
  /** What readers need: hand it to `new BatchReader(slots, reader)` in any thread. */
  readonly slots: BatchSlots;
  /** Rejects with a `BatchStreamError` when the thread fails; it is never resolved. */
  readonly failed: Promise<never>;
  /** Ends the thread. */
  close(): Promise<void>;
}

export interface BatchStreamOptions {
  readonly seed: number;
  readonly batch: number;
  /** The first step that is asked for. */
  readonly first?: number;
  /** Threads that each take every batch. */
  readonly readers?: number;
  /** Batches in memory, the one being read included. */
  readonly slots?: number;
}

/** The worker failed or is gone; `cause` is what it threw. */
export class BatchStreamError extends Error {
  override readonly name = "BatchStreamError";
}

/** Starts the thread, on the kernels of this one, and waits until it has its data. */
export async function openBatchStream(
  spec: PairsSpec,
  { seed, batch, first = 0, readers = 1, slots = 3 }: BatchStreamOptions,
): Promise<BatchStream> {
  if (!Number.isInteger(slots) || slots < 1) throw new RangeError(`openBatchStream: slots ${slots} must be at least 1`);
  const workerData: WorkerTask = { spec, seed, batch, first, readers, slots, kernels: kernelReport() };
  const worker = startThread(threadFile("./worker", import.meta.url), { name: "batches", workerData });
  let closed = false;
  const failed = new Promise<never>((_, reject) => {
    const fail = (what: string, cause?: unknown): void => {
      if (!closed) reject(new BatchStreamError(`batches: ${what}`, { cause }));
    };
    worker.on("error", (error: Error) => fail(`the worker failed: ${error.message}`, error));
    worker.on("exit", (code) => fail(`the worker is gone, exit code ${code}`));
  });
  failed.catch(() => {}); // whoever cares waits for it; nobody must
  const ready = new Promise<BatchSlots>((resolve) => worker.once("message", resolve));
  const laidOut = await Promise.race([ready, failed]);
  worker.unref(); // a run that has ended does not wait for its batches
  return {
    slots: laidOut,
    failed,
    async close() {
      closed = true;
      await worker.terminate();
    },
  };
}
