/** The program of the threads of `openPreparer`: prepares one file after the other until it is told to end. */
import { parentPort } from "node:worker_threads";
import { PictureError } from "./pictureError.ts";
import { type Answer, prepare, type ToPrepare } from "./preparation.ts";

const port = parentPort;
if (!port) throw new Error("preparingThread: not in a worker thread; it is started by openPreparer");

async function answerTo(job: ToPrepare): Promise<Answer> {
  try {
    return { prepared: await prepare(job) };
  } catch (error) {
    if (error instanceof PictureError) return { refused: { message: error.message, kind: error.kind } };
    return { failed: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** Files are prepared in turn: "end" waits for the file before it. */
let last: Promise<void> = Promise.resolve();
port.on("message", (message: ToPrepare | "end") => {
  last = last.then(async () => {
    if (message === "end") return port.close();
    const answer = await answerTo(message);
    port.postMessage(answer, "prepared" in answer ? [answer.prepared.data.buffer as ArrayBuffer] : []);
  });
});
