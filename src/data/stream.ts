/**
 * Batches prepared ahead by a worker thread, so that training does not wait for pixels.
 *
 * A batch is a pure function of (seed, step), so readers get the bits of `pairs.batch` for any timing and any number of slots and
 * readers.
 */
import { startThread, threadFile } from "../parallel/launch.ts";
import { kernelReport } from "../tensor/index.ts";
import type { BatchSlots } from "./batchSlots.ts";
import type { PairsSpec } from "./pairs.ts";
import type { WorkerTask } from "./worker.ts";

/** Batches from a worker thread. */
export interface BatchStream {
  /** The argument of `new BatchReader(slots, reader)` in any thread. */
  readonly slots: BatchSlots;
  /** Rejects with a `BatchStreamError` if the thread fails; never resolves. */
  readonly failed: Promise<never>;
  /** Ends the thread. */
  close(): Promise<void>;
}

/** Options of `openBatchStream`. */
export interface BatchStreamOptions {
  readonly seed: number;
  readonly batch: number;
  /** The first step; 0 by default. */
  readonly first?: number;
  /** Threads that each take every batch; 1 by default. */
  readonly readers?: number;
  /** Batches in memory, including the one being read; 3 by default. */
  readonly slots?: number;
}

/** The worker failed or ended; `cause` is its error. */
export class BatchStreamError extends Error {
  override readonly name = "BatchStreamError";
}

/** Starts the worker thread, with the kernels of this one, and waits until its data are loaded. Throws `BatchStreamError`. */
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
    worker.on("exit", (code) => fail(`the worker ended with exit code ${code}`));
  });
  failed.catch(() => {}); // callers need not handle it
  const ready = new Promise<BatchSlots>((resolve) => worker.once("message", resolve));
  const laidOut = await Promise.race([ready, failed]);
  worker.unref(); // lets the process end without it
  return {
    slots: laidOut,
    failed,
    async close() {
      closed = true;
      await worker.terminate();
    },
  };
}
