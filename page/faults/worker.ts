/** Runs one training of the museum in a worker. */
import type { BrowserDevice } from "../../src/parallel/browserDevice.ts";
import type { FaultConfig, Report } from "./messages.ts";
import { RECALL_EVERY, STEPS } from "./state.ts";
import { FaultTraining } from "./training.ts";

/** Trains to the end; the page ends the worker if it wants no more. */
export async function trainFault({ config, report }: BrowserDevice<FaultConfig, never, Report>): Promise<void> {
  const { names, pictures, loss, seed } = config;
  const training = new FaultTraining({ ...names, pictures }, loss, seed);
  while (training.step < STEPS) {
    const metrics = training.advance();
    report({ kind: "step", step: training.step, ...metrics });
    if (training.step % RECALL_EVERY === 0) report({ kind: "recall", step: training.step, recall: training.recall() });
  }
}
