/** A thread of `npm run test:long`: takes the next 2²⁰ bit patterns while there are any, and reports each. */
import { parentPort, workerData } from "node:worker_threads";
import "../../src/engine.ts";
import { CHECKS } from "./checks.ts";
import { BLOCK, type Result, Sweep } from "./sweep.ts";

export const TASKS = 2 ** 12;
const TASK = 2 ** 20;
const STRIDE = 1021; // odd: every task once, slow and fast ranges mixed, so that the remaining time is predictable

export interface SweepJob {
  readonly names: readonly string[];
  /** One integer: the number of tasks taken by all threads. */
  readonly taken: SharedArrayBuffer;
}

/** A task is done (undefined), or all are. */
export type SweepMessage = readonly Result[] | undefined;

if (parentPort) {
  const { names, taken } = workerData as SweepJob;
  const sweep = new Sweep(CHECKS.filter(({ name }) => names.includes(name)));
  const counter = new Int32Array(taken);
  for (let task = Atomics.add(counter, 0, 1); task < TASKS; task = Atomics.add(counter, 0, 1)) {
    const first = ((task * STRIDE) % TASKS) * TASK;
    for (let at = 0; at < TASK; at += BLOCK) sweep.block(first + at);
    parentPort.postMessage(undefined);
  }
  parentPort.postMessage(sweep.results);
}
