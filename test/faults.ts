/**
 * `npm run test:faults [devices]`: every kind of fault on every rank in every collective; default 3 devices.
 *
 * Prints a line a kind, and every way a run ended otherwise than promised. Exits with 1 if there was one.
 */
import { isFault, KINDS, OPS } from "./support/faultKinds.ts";
import { complaints, runFault } from "./support/faults.ts";

const size = Number(process.argv[2] ?? 3);
let wrong = 0;
for (const kind of KINDS) {
  let slowest = 0;
  let runs = 0;
  for (const op of OPS) {
    for (let rank = 0; rank < size; rank++) {
      const fault = { kind, rank, op };
      if (!isFault(fault)) continue;
      runs++;
      const ending = await runFault(fault, size);
      slowest = Math.max(slowest, ending.took);
      const found = complaints(fault, size, ending);
      if (found.length > 0) console.log(`${kind}, rank ${rank}, ${op}: ${found.join("; ")}`);
      wrong += found.length > 0 ? 1 : 0;
    }
  }
  console.log(`${kind}: ${runs} runs, all ended within ${slowest} ms`);
}
console.log(wrong === 0 ? "all as promised" : `${wrong} otherwise than promised`);
process.exitCode = wrong === 0 ? 0 : 1;
