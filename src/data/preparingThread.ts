/** The program of the threads of `openPreparer`: decodes one file after the other until it is told to end. */
import { parentPort, workerData } from "node:worker_threads";
import { adoptKernels, type KernelReport } from "../tensor/index.ts";
import { PictureError } from "./pictureError.ts";
import { storedIn } from "./pictureForm.ts";
import type { Answer, ToDecode } from "./preparingMessages.ts";

const port = parentPort;
if (!port) throw new Error("preparingThread: not in a worker thread; it is started by openPreparer");

adoptKernels(workerData as KernelReport);

async function answerTo({ how, bytes, name }: ToDecode): Promise<Answer> {
  try {
    return await storedIn(how, bytes, name);
  } catch (error) {
    if (error instanceof PictureError) return { refused: { message: error.message, kind: error.kind } };
    return { failed: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** Files are decoded in turn: "end" waits for the file before it. */
let last: Promise<void> = Promise.resolve();
port.on("message", (message: ToDecode | "end") => {
  last = last.then(async () => {
    if (message === "end") return port.close();
    const answer = await answerTo(message);
    port.postMessage(answer, "picture" in answer ? [answer.picture.buffer as ArrayBuffer] : []);
  });
});
