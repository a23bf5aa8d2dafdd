/**
 * Decodes image files on several threads: decoding, orientation, resizing.
 *
 *   this thread                                          preparingThread.ts, one file at a time
 *   reads files, hashes them      bytes, how      →      sharp decodes, kernels resize
 *   embeds, trains, writes        ←   a stored picture, or why there is none
 *
 * A picture has the same bytes on any thread. A thread takes some 0.3 s of CPU time to start, so few files are decoded on this one.
 */
import type { Worker } from "node:worker_threads";
import { startThread, threadFile } from "../parallel/launch.ts";
import { kernelReport } from "../tensor/index.ts";
import { loadSharp } from "./packages.ts";
import { PictureError } from "./pictureError.ts";
import { type Decoding, storedIn } from "./pictureForm.ts";
import { type Decode, decodeInput, type PictureInput } from "./pictureInput.ts";
import type { PreparedPicture, StoredPicture } from "./pictures.ts";
import type { Answer, ToDecode } from "./preparingMessages.ts";

/** Prepares image files. */
export interface Preparer {
  /** A stored picture of the bytes of a file; `name` is for messages. Throws `PictureError`. */
  readonly stored: Decode;
  /** The input of a model. Throws `PictureError`. */
  input(input: PictureInput, bytes: Uint8Array, name: string): Promise<PreparedPicture>;
  /** Ends the threads after the files that they have begun; others are given up. */
  close(): Promise<void>;
}

/**
 * Fewer files than this are decoded on the thread that asks: starting threads takes most of a second, and sharp decodes on threads of
 * its own. 256 JPEGs took 2.2 s with two threads and 1.5 s without; of 2,500, 146 a second with and 124 without.
 */
const FEW = 1000;
/** An image takes up to 300 MB, so this bounds the memory. */
const MOST_THREADS = 16;

/** Prepares so many files on at most so many threads. `close` it. */
export function openPreparer(files: number, threads: number): Preparer {
  const pool = files < FEW || threads < 2 ? undefined : new Pool(Math.min(threads, MOST_THREADS));
  const stored: Decode = (how, bytes, name) => (pool ? pool.decode(how, bytes, name) : storedIn(how, bytes, name));
  return {
    stored,
    input: (input, bytes, name) => decodeInput(input, bytes, name, stored),
    close: async () => pool?.close(),
  };
}

interface Waiting extends ToDecode {
  readonly resolve: (picture: StoredPicture) => void;
  readonly reject: (error: Error) => void;
}

const program = threadFile("./preparingThread", import.meta.url);

/** Threads, and the files that wait for one. */
class Pool {
  readonly #most: number;
  readonly #workers = new Map<Worker, Waiting | undefined>(); // with the file that each decodes
  readonly #waiting: Waiting[] = [];
  #end: Error | undefined;

  constructor(most: number) {
    this.#most = most;
  }

  async decode(how: Decoding, bytes: Uint8Array, name: string): Promise<StoredPicture> {
    await loadSharp("picture"); // if it is missing, its error is thrown here, with its type
    if (this.#end) throw this.#end;
    return new Promise((resolve, reject) => {
      this.#waiting.push({ how, bytes, name, resolve, reject });
      if (this.#workers.size < this.#most) this.#start();
      this.#handOut();
    });
  }

  async close(): Promise<void> {
    const gone = [...this.#workers.keys()].map((worker) => {
      worker.ref();
      worker.postMessage("end"); // is read after the file that it has begun: no thread is ended inside the decoder
      return new Promise((resolve) => worker.once("exit", resolve));
    });
    this.#fail(new Error("the preparer of images is closed"));
    await Promise.all(gone);
  }

  #start(): void {
    const worker = startThread(program, { name: "preparing", workerData: kernelReport() });
    worker.unref(); // does not keep the process alive unless it has work
    this.#workers.set(worker, undefined);
    worker.on("message", (answer: Answer) => this.#receive(worker, answer));
    worker.on("error", (error: Error) => this.#fail(error));
    worker.on("exit", (code) => {
      this.#fail(new Error(`a thread that prepares images ended with exit code ${code}`));
      this.#workers.delete(worker);
    });
  }

  #handOut(): void {
    for (const [worker, begun] of this.#workers) {
      if (begun) continue;
      const next = this.#waiting.shift();
      if (!next) return;
      this.#workers.set(worker, next);
      worker.ref();
      const { how, name } = next;
      const bytes = new Uint8Array(next.bytes); // its own, since a part of an archive would take all of it along
      worker.postMessage({ how, bytes, name } satisfies ToDecode, [bytes.buffer]);
    }
  }

  #receive(worker: Worker, answer: Answer): void {
    const begun = this.#workers.get(worker);
    this.#workers.set(worker, undefined);
    if (!this.#end) worker.unref(); // else `close` waits for it
    if ("picture" in answer) begun?.resolve(answer);
    else if ("failed" in answer) begun?.reject(answer.failed);
    else begun?.reject(new PictureError(answer.refused.message, answer.refused.kind));
    if (!this.#end) this.#handOut();
  }

  /** Gives up all files; those that begin later fail at once. */
  #fail(error: Error): void {
    this.#end ??= error;
    for (const each of this.#waiting.splice(0)) each.reject(this.#end);
    for (const begun of this.#workers.values()) begun?.reject(this.#end);
  }
}
