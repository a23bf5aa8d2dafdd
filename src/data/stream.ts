/**
 * Batches prepared ahead by a worker thread, so that training does not wait for pixels.
 *
 * Batches lie in a few slots of shared memory: one is read by training while the next ones are written. A batch is a pure
 * function of (seed, step), so the stream gives the same bits as `pairs.batch`, whatever the timing and the number of slots.
 *
 *   slot: free → asked for a step → filled → held by the caller of next() → free
 */
import { Worker } from "node:worker_threads";
import type { Batch } from "./batches.ts";
import type { PairsSpec } from "./pairs.ts";
import type { WorkerJob, WorkerReady, WorkerTask } from "./worker.ts";

export interface BatchStream {
  /** Distinct items, each once in an epoch. */
  readonly size: number;
  readonly side: number;
  readonly length: number;
  /** The batch of a step, in shared memory: it is overwritten after the next call. Steps may jump; in order costs no wait. */
  next(step: number): Promise<Batch>;
  /** Ends the thread. A next() that waits is rejected. */
  close(): Promise<void>;
}

export interface BatchStreamOptions {
  readonly seed: number;
  readonly batch: number;
  /** Batches in memory, the one being read included. */
  readonly slots?: number;
}

/** The worker failed or is gone; `cause` is what it threw. */
export class BatchStreamError extends Error {
  override readonly name = "BatchStreamError";
}

/**
 * Sources run as they are where Node strips types, and as built JavaScript from the package. On Node 20 they need tsx, which
 * `--import tsx` registers on the main thread only; a worker has to call its `register` itself.
 */
function startWorker(task: WorkerTask): Worker {
  const isSource = import.meta.url.endsWith(".ts");
  const file = new URL(isSource ? "./worker.ts" : "./worker.js", import.meta.url);
  const options = { name: "batches", workerData: task };
  if (!isSource || process.features.typescript) return new Worker(file, options);
  const api = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const hook = `data:text/javascript,import { register } from ${api}; register();`;
  return new Worker(file, { ...options, execArgv: ["--import", hook] });
}

/** Starts the thread and waits until it has its data. */
export async function openBatchStream(spec: PairsSpec, options: BatchStreamOptions): Promise<BatchStream> {
  const { seed, batch, slots = 3 } = options;
  if (!Number.isInteger(slots) || slots < 1) throw new RangeError(`openBatchStream: slots ${slots} must be at least 1`);
  const worker = startWorker({ spec, seed, batch, slots });

  let failure: BatchStreamError | undefined;
  let onMessage = (_message: unknown): void => {};
  let onFailure = (_error: Error): void => {};
  const fail = (what: string, cause?: unknown): void => {
    failure ??= new BatchStreamError(`batches: ${what}`, { cause });
    onFailure(failure);
  };
  worker.on("message", (message) => onMessage(message));
  worker.on("error", (error: Error) => fail(`the worker failed: ${error.message}`, error));
  worker.on("exit", (code) => fail(`the worker is gone, exit code ${code}`));

  const ready = await new Promise<WorkerReady>((resolve, reject) => {
    onMessage = (message) => resolve(message as WorkerReady);
    onFailure = reject;
  });
  // From here on the thread keeps the process alive only while somebody waits for a batch.
  worker.unref();

  const free = ready.slots.map((_, slot) => slot);
  const asked = new Set<number>();
  const filled = new Map<number, number>();
  let held: number | undefined;
  let first = 0;
  let waiting: { resolve: (batch: Batch) => void; reject: (error: Error) => void } | undefined;

  const isWanted = (step: number): boolean => step >= first && step < first + slots;
  const settle = () => {
    waiting = undefined;
    worker.unref();
  };
  const deliver = () => {
    const slot = filled.get(first);
    if (waiting === undefined || slot === undefined) return;
    filled.delete(first);
    held = slot;
    waiting.resolve(ready.slots[slot]);
    settle();
  };
  const ask = () => {
    for (let step = first; isWanted(step) && free.length > 0; step++) {
      if (asked.has(step) || filled.has(step)) continue;
      asked.add(step);
      worker.postMessage({ step, slot: free.pop()! } satisfies WorkerJob);
    }
  };
  onMessage = (message) => {
    const { step, slot } = message as WorkerJob;
    asked.delete(step);
    if (isWanted(step)) filled.set(step, slot);
    else free.push(slot);
    ask();
    deliver();
  };
  onFailure = (error) => {
    waiting?.reject(error);
    settle();
  };

  return {
    size: ready.size,
    side: ready.side,
    length: ready.length,
    next(step) {
      if (failure !== undefined) return Promise.reject(failure);
      if (waiting !== undefined) {
        return Promise.reject(new BatchStreamError(`batches: next(${step}) while next(${first}) is not answered yet`));
      }
      if (held !== undefined) free.push(held);
      held = undefined;
      first = step;
      for (const [other, slot] of filled) {
        if (isWanted(other)) continue;
        filled.delete(other);
        free.push(slot);
      }
      return new Promise<Batch>((resolve, reject) => {
        waiting = { resolve, reject };
        worker.ref();
        ask();
        deliver();
      });
    },
    async close() {
      failure ??= new BatchStreamError("batches: the stream is closed");
      onFailure(failure);
      await worker.terminate();
    },
  };
}
