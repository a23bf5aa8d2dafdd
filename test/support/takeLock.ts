/** A process that takes the lock of a folder at a given time, prints "won" or "lost", and holds the lock until its input ends. */
import { lockRun, RunLockedError } from "../../src/run/lock.ts";

const [folder, moment] = process.argv.slice(2);
while (Date.now() < Number(moment)); // all at the same time
try {
  lockRun(folder, new Date());
  process.stdout.write("won");
} catch (error) {
  process.stdout.write(error instanceof RunLockedError ? "lost" : String(error));
}
process.stdin.resume();
