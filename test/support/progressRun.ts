/** A program with a progress line whose argument says how it ends; for test/cli/progress.test.ts. */
import { setTimeout as sleep } from "node:timers/promises";
import { startProgress } from "../../src/cli/progress.ts";

const way = process.argv[2];
if (way === "handled") process.once("SIGINT", () => console.log("handled"));
const progress = startProgress({ steps: 50, batch: 8, terminal: way !== "plain", every: 0 });
for (let step = 1; step <= 50; step++) {
  progress.update({ step, loss: 1, t: 10, b: -10 });
  if (step === 25 && way !== "plain") {
    process.kill(process.pid, "SIGINT");
    await sleep(50);
  }
  await sleep(1);
}
progress.stop();
console.log("finished");
