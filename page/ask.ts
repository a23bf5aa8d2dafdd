/** Asks the engine, which answers in a worker that starts at the first question. */
import { type BrowserDevices, launchBrowser } from "../src/parallel/launchBrowser.ts";
import type { Answer, Asked, Name, Question, Reply } from "./answers.ts";
import { startWorker, type WorkerConfig } from "./startWorker.ts";

let devices: BrowserDevices<Question> | undefined;
const waiting = new Map<number, { resolve: (answer: unknown) => void; reject: (error: Error) => void }>();
let asked = 0;

function start(): BrowserDevices<Question> {
  return launchBrowser<WorkerConfig, Question, Reply>({
    size: 1,
    start: startWorker,
    kernels: "reference", // small numbers: nothing to compile
    config: { program: "answers" },
    onReport: ({ id, answer, error }) => {
      const asker = waiting.get(id);
      waiting.delete(id);
      if (error === undefined) asker?.resolve(answer);
      else asker?.reject(new Error(error));
    },
    onFailure: (error) => {
      devices = undefined;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    },
  });
}

/** The answer of the engine. Rejects with its error. */
export function ask<K extends Name>(name: K, ...about: Asked<K>): Promise<Answer<K>> {
  devices ??= start();
  const id = asked++;
  devices.send({ id, name, asked: about });
  return new Promise((resolve, reject) => {
    waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
  });
}
